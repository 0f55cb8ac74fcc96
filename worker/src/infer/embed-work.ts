/** What is to be done to embed texts of a version: here, where the isolate can read them, or else on a node. */
import { type EmbeddingInput, LeptonError, type Placement } from '@lepton-edge/protocol';
import { embed as embedTokens, type TextTokenizer, TOKEN_BUDGET, type textSpecOf, tokensOf } from '@lepton-edge/text';
import type { Gateway } from '../context.ts';
import { isTooLongForEdge } from '../dispatch/edge-time.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import type { EmbedCall } from './embed.ts';
import { embedOnNodes } from './embed-on-node.ts';
import type { EmbeddedText } from './known-embeddings.ts';
import { run } from './run.ts';
import type { Schedule } from './schedule.ts';
import type { Timings } from './timings.ts';

export interface Plan {
  target: Resolved;
  spec: ReturnType<typeof textSpecOf>;
  asked: 'edge' | 'node' | undefined;
}

/** Plain data: identical requests share it. */
export interface Embedded {
  texts: readonly EmbeddedText[];
  placement: Placement;
}

export interface Work {
  /** What stands for each input in the cache: its tokens, or what came where only a node can tell them. */
  items: readonly EmbeddingInput[];
  /** The tokens of the items at these places, or as many as they can be. */
  units(places: readonly number[]): number;
  /** @param places of the items to embed */
  compute(places: readonly number[], how: { schedule: Schedule; timings: Timings }): Promise<Embedded>;
}

export async function planWork(gateway: Gateway, call: EmbedCall, plan: Plan): Promise<Work> {
  const { spec, target, asked } = plan;
  const { inputs, tracing, waitUntil } = call;
  const loaded = await gateway.tokenizers.get(target.version, spec.tokenizer, waitUntil);
  if ('tooLarge' in loaded) {
    const shared = { target, asked, tooLarge: loaded.tooLarge, tracing, waitUntil };
    const compute: Work['compute'] = async (places, how) => {
      const onNodes = (places: readonly number[]) =>
        embedOnNodes(gateway, { ...shared, ...how, inputs: places.map((i) => inputs[i] as EmbeddingInput) });
      try {
        return await onNodes(places);
      } catch (error) {
        const isPart = places.length < inputs.length;
        if (!isPart || !(error instanceof LeptonError && error.code === 'invalid_request')) throw error;
        // It names an input by its place among those that were sent.
        const all = await onNodes([...inputs.keys()]);
        return { ...all, texts: places.map((i) => all.texts[i] as EmbeddedText) };
      }
    };
    const units: Work['units'] = (places) =>
      places.reduce((sum, i) => sum + mostTokens(inputs[i] as EmbeddingInput, spec.tokenizer.maxTokens), 0);
    return { items: inputs, units, compute };
  }
  const items = tokensOf(loaded.tokenizer, inputs);
  const compute: Work['compute'] = (places, how) => {
    const rows = places.map((i) => items[i] as number[]);
    return embedHere(gateway, call, plan, how, loaded.tokenizer, rows);
  };
  const units: Work['units'] = (places) => places.reduce((sum, i) => sum + (items[i] as number[]).length, 0);
  return { items, units, compute };
}

/** A token is at least a byte; the ends are marked by one each. */
function mostTokens(input: EmbeddingInput, maxTokens: number): number {
  const most = typeof input === 'string' ? new TextEncoder().encode(input).length + 2 : input.length;
  return Math.min(most, maxTokens);
}

/** Tokens are made and embeddings pooled in this isolate; the model runs where placement says. */
async function embedHere(
  gateway: Gateway,
  { tracing, waitUntil }: EmbedCall,
  { target, spec: { embedding }, asked }: Plan,
  { schedule, timings }: { schedule: Schedule; timings: Timings },
  tokenizer: TextTokenizer,
  items: readonly number[][],
): Promise<Embedded> {
  const { version } = target;
  let placement: Placement = 'cache';
  const embeddings = await embedTokens(items, {
    tokenizer,
    embedding,
    inputs: version.manifest.inputs,
    tokenBudget: tokenBudgetOf(version),
    maxBatchSize: version.maxBatchSize,
    async run(inputs) {
      const input = { target, inputs, outputs: [embedding.output], asked, schedule, tracing };
      const outcome = await run(gateway, input, timings, waitUntil);
      placement = outcome.placement;
      return outcome.outputs;
    },
  });
  const tokens = items.map((item) => item.length);
  return { texts: embeddings.map((each, i) => ({ embedding: each, tokens: tokens[i] as number })), placement };
}

/** Less where a run of so much would be too long for the edge. */
function tokenBudgetOf({ edgeTried, manifest }: KnownVersion): number {
  let budget = TOKEN_BUDGET;
  while (edgeTried && budget > 1 && isTooLongForEdge(edgeTried, budget * manifest.inputs.length)) budget /= 2;
  return budget;
}
