/** The way of a request for embeddings: resolve → tokenise → cache, text by text → run what is missing → pool. */
import {
  type CacheStatus,
  type EmbeddingInput,
  type EmbeddingSpec,
  LeptonError,
  type Placement,
  type Reference,
  type TokenizerSpec,
} from '@lepton-edge/protocol';
import { cutTo, embed as embedTokens } from '@lepton-edge/text';
import { responseKey } from '../cache/response-key.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway, Principal } from '../context.ts';
import { stickyPoint } from '../dispatch/choose-target.ts';
import { isTooLongForEdge } from '../dispatch/edge-time.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import { countRequest } from './count.ts';
import { cacheScope, checkState, isCacheable, readPlacement } from './infer.ts';
import { type Embedding, KnownEmbeddings } from './known-embeddings.ts';
import { type RunInput, type RunOutcome, run } from './run.ts';
import type { Timings } from './timings.ts';

export interface EmbedCall {
  ref: Reference;
  inputs: readonly EmbeddingInput[];
  dimensions: number | undefined;
  principal: Principal;
  place: string | undefined;
  sticky: string | undefined;
  requestId: string;
  timings: Timings;
  waitUntil: WaitUntil;
}

export interface EmbedAnswer {
  version: KnownVersion;
  embeddings: readonly Float32Array[];
  tokens: number;
  /** Where the last of it was computed. */
  placement: Placement;
  /** `hit` when all of it was remembered. */
  cache: CacheStatus;
}

/** A padded run of this many tokens is work enough for any model, and little enough for an isolate's memory. */
const TOKEN_BUDGET = 4_096;

/** @throws LeptonError saying what was expected and what came, or why nothing could run. */
export async function embed(gateway: Gateway, call: EmbedCall): Promise<EmbedAnswer> {
  const { principal, timings, waitUntil } = call;
  const point = call.sticky === undefined ? gateway.random() : stickyPoint(call.sticky);
  const target = await timings.measure('resolve', () =>
    gateway.directory.resolve(call.ref, principal, point, waitUntil),
  );
  return await countRequest(gateway, target, waitUntil, () => answerOf(gateway, call, target));
}

async function answerOf(gateway: Gateway, call: EmbedCall, target: Resolved): Promise<EmbedAnswer> {
  const { version } = target;
  checkState(version);
  const spec = textSpecOf(version);
  const tokenizer = await gateway.tokenizers.get(version, spec.tokenizer, call.waitUntil);
  const items = call.inputs.map((input, i) => {
    const subject = call.inputs.length === 1 ? 'input' : `input ${i}`;
    return typeof input === 'string' ? tokenizer.encode(input, subject) : tokenizer.fromTokens(input, subject);
  });
  const asked = readPlacement(call.place);
  const isCached = asked === undefined && isCacheable(version);
  const scope = isCached ? cacheScope(target, call.principal) : undefined;
  const known = new KnownEmbeddings(gateway.responses, version, scope);
  const embeddings = await known.find(items);
  const missing = items.flatMap((_item, i) => (embeddings[i] ? [] : [i]));
  let placement: Placement = 'cache';
  const computed = await embedTokens(
    missing.map((i) => items[i] as number[]),
    {
      tokenizer,
      embedding: spec.embedding,
      inputs: version.manifest.inputs,
      tokenBudget: tokenBudgetOf(version),
      maxBatchSize: version.maxBatchSize,
      async run(inputs) {
        const input = { target, inputs, outputs: [spec.embedding.output], asked, requestId: call.requestId };
        const outcome = await runShared(gateway, call, input, scope);
        placement = outcome.placement;
        return outcome.outputs;
      },
    },
  );
  missing.forEach((item, i) => {
    const embedding = computed[i] as Float32Array<ArrayBuffer>;
    embeddings[item] = embedding;
    known.put(item, embedding);
  });
  return {
    version,
    embeddings: embeddings.map((embedding) => cutTo(embedding as Embedding, spec.embedding, call.dimensions)),
    tokens: items.reduce((sum, item) => sum + item.length, 0),
    placement,
    cache: !isCached ? 'bypass' : missing.length === 0 ? 'hit' : 'miss',
  };
}

/** Identical runs under way are one. */
async function runShared(
  gateway: Gateway,
  { timings, waitUntil }: EmbedCall,
  input: RunInput,
  scope: string | undefined,
): Promise<RunOutcome> {
  const work = () => run(gateway, input, timings, waitUntil);
  if (scope === undefined) return await work();
  const { digest } = input.target.version;
  const key = await responseKey({ scope, versionDigest: digest, outputs: input.outputs, inputs: input.inputs });
  return await gateway.runs.run(key, work, waitUntil);
}

/** @throws LeptonError `invalid_request` for a model that is not of texts */
function textSpecOf({ model, version, manifest }: KnownVersion): {
  tokenizer: TokenizerSpec;
  embedding: EmbeddingSpec;
} {
  const { tokenizer, embedding } = manifest;
  if (tokenizer && embedding) return { tokenizer, embedding };
  const message = `${model}@${version} makes no embeddings: its manifest has no tokenizer and embedding; use /v2/models/${model}/infer`;
  throw new LeptonError('invalid_request', message, { errors: [{ path: 'model', message }] });
}

/** Less where a run of so much would be too long for the edge. */
function tokenBudgetOf({ edgeTried, manifest }: KnownVersion): number {
  let budget = TOKEN_BUDGET;
  while (edgeTried && budget > 1 && isTooLongForEdge(edgeTried, budget * manifest.inputs.length)) budget /= 2;
  return budget;
}
