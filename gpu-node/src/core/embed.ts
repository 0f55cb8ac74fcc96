/** Texts to embeddings on this node: the model's tokenizer, its runs, and pooling. */
import { type EmbeddingInput, LeptonError, type Manifest, type TokenizerSpec } from '@lepton-edge/protocol';
import { checkTextModel, cutTo, embed as embedTokens, TOKEN_BUDGET, textSpecOf } from '@lepton-edge/text';
import type { Served } from '../models/load-version.ts';
import type { VersionTarget } from '../models/version-source.ts';
import type { Tokenizers } from '../texts/tokenizers.ts';
import type { Admitted, Phases } from './infer.ts';

/** Texts of a run where nobody has said or measured how many may share one: padding that is masked changes no answer. */
const MASKED_BATCH = 64;

export interface Embedder {
  tokenizers: Tokenizers;
}

export interface EmbedCall {
  target: VersionTarget;
  /** The request's place; it is the caller's to leave. */
  admitted: Admitted;
  inputs: readonly EmbeddingInput[];
  dimensions: number | undefined;
}

export interface Embedded {
  /** In the order of the inputs. */
  embeddings: Float32Array[];
  /** Of each input. */
  tokens: number[];
  /** Of all runs together. */
  phases: Phases;
}

/**
 * Every text counts as an inference in the version's statistics, and every run as an execution.
 * @throws LeptonError for the caller; CallerGone when the caller goes while a run waits
 */
export async function embed({ tokenizers }: Embedder, call: EmbedCall): Promise<Embedded> {
  const { target, admitted, inputs, dimensions } = call;
  const lease = await admitted.acquire();
  try {
    const { manifest, folder } = lease;
    const { tokenizer: spec, embedding } = textSpecOf(target, manifest);
    const label = `${target.model}@${target.version}`;
    checkServable(label, manifest);
    const thread = await tokenizers.get({ label, digest: target.digest, manifest, folder }, spec);
    const items = await thread.encode(inputs);
    const phases: Phases = { queueMs: 0, loadMs: lease.loadMs, runMs: 0 };
    const embeddings = await embedTokens(items, {
      tokenizer: thread.tokenizer,
      embedding,
      inputs: manifest.inputs,
      tokenBudget: TOKEN_BUDGET,
      maxBatchSize: rowsOfRun(lease, spec),
      async run(tensors) {
        const outcome = await admitted.infer({ inputs: tensors, outputs: [{ name: embedding.output }] });
        phases.queueMs += outcome.phases.queueMs;
        phases.runMs += outcome.phases.runMs;
        return outcome.response.outputs;
      },
    });
    return {
      embeddings: embeddings.map((each) => cutTo(each, embedding, dimensions)),
      tokens: items.map((item) => item.length),
      phases,
    };
  } finally {
    lease.release();
  }
}

/** How many texts may share a run: as the trial allows, else as was stated. */
function rowsOfRun({ manifest, plan, isMeasured }: Served, { inputs }: TokenizerSpec): number {
  if (isMeasured) return plan?.maxItems ?? 1;
  return manifest.batching?.maxBatchSize ?? (inputs.mask === undefined ? 1 : MASKED_BATCH);
}

/** A directory's manifest is what somebody wrote: whether it fits the model is known once that is loaded. */
function checkServable(label: string, manifest: Manifest): void {
  try {
    checkTextModel(manifest);
  } catch (cause) {
    throw new LeptonError('unavailable', `${label} cannot be served: ${(cause as Error).message}`, { cause });
  }
}
