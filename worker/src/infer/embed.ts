/** The way of a request for embeddings: resolve → tokenise → cache, text by text → run what is missing → pool. */
import {
  type CacheStatus,
  type EmbeddingInput,
  type EmbeddingSpec,
  LeptonError,
  type Placement,
} from '@lepton-edge/protocol';
import { cutTo, embed as embedTokens, type TextTokenizer, TOKEN_BUDGET, textSpecOf, tokensOf } from '@lepton-edge/text';
import { responseKey } from '../cache/response-key.ts';
import type { Gateway } from '../context.ts';
import { isTooLongForEdge } from '../dispatch/edge-time.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import { charge } from './charge.ts';
import { inTime } from './deadline.ts';
import { embedOnNodes } from './embed-on-node.ts';
import { cacheScope, checkState, isCacheable, readPlacement } from './infer.ts';
import { type EmbeddedText, KnownEmbeddings } from './known-embeddings.ts';
import { answerCall, type ModelCall } from './model-call.ts';
import { type RunInput, type RunOutcome, run } from './run.ts';
import { type Schedule, scheduleOf } from './schedule.ts';

export interface EmbedCall extends ModelCall {
  inputs: readonly EmbeddingInput[];
  dimensions: number | undefined;
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

/** @throws LeptonError saying what was expected and what came, or why nothing could run. */
export async function embed(gateway: Gateway, call: EmbedCall): Promise<EmbedAnswer> {
  return await answerCall(gateway, call, (target) => answerOf(gateway, call, target));
}

async function answerOf(gateway: Gateway, call: EmbedCall, target: Resolved): Promise<EmbedAnswer> {
  const { version } = target;
  checkState(version);
  const { embedding: spec } = textSpecOf(version, version.manifest);
  const asked = readPlacement(call.place);
  const isCached = asked === undefined && isCacheable(version);
  const scope = isCached ? cacheScope(target, call.principal) : undefined;
  const schedule = scheduleOf(call);
  const planned = planWork(gateway, call, { target, asked, schedule, scope });
  const { items, units, compute } = await (schedule.deadline?.within(planned) ?? planned);
  const known = new KnownEmbeddings(gateway.responses, version, scope);
  const texts = await known.find(items);
  const missing = items.flatMap((_item, i) => (texts[i] ? [] : [i]));
  let placement: Placement = 'cache';
  if (missing.length > 0) {
    const paid = () =>
      charge(gateway, call.principal, units(missing), call.waitUntil, () => compute(missing), tokensUsed);
    const computed = await inTime(schedule.deadline, paid);
    placement = computed.placement;
    missing.forEach((item, i) => {
      const text = computed.texts[i] as EmbeddedText;
      texts[item] = text;
      known.put(item, text);
    });
  }
  const all = texts as EmbeddedText[];
  return {
    version,
    embeddings: all.map(({ embedding }) => cutTo(embedding, spec, call.dimensions)),
    tokens: tokensUsed({ texts: all }),
    placement,
    cache: !isCached ? 'bypass' : missing.length === 0 ? 'hit' : 'miss',
  };
}

interface Plan {
  target: Resolved;
  asked: 'edge' | 'node' | undefined;
  schedule: Schedule;
  /** Who shares what is computed; undefined: nobody. */
  scope: string | undefined;
}

interface Work {
  /** What stands for each input in the cache: its tokens, or what came where only a node can tell them. */
  items: readonly EmbeddingInput[];
  /** The tokens of the items at these places, or as many as they can be. */
  units(missing: readonly number[]): number;
  /** @param missing places of the items to embed */
  compute(missing: readonly number[]): Promise<{ texts: EmbeddedText[]; placement: Placement }>;
}

async function planWork(gateway: Gateway, call: EmbedCall, plan: Plan): Promise<Work> {
  const { version } = plan.target;
  const spec = textSpecOf(version, version.manifest);
  const loaded = await gateway.tokenizers.get(version, spec.tokenizer, call.waitUntil);
  if ('tooLarge' in loaded) {
    const { inputs, tracing, timings, waitUntil } = call;
    const { target, asked, schedule } = plan;
    const shared = { target, asked, schedule, tooLarge: loaded.tooLarge, tracing, timings, waitUntil };
    const onNodes = (places: readonly number[]) =>
      embedOnNodes(gateway, { ...shared, inputs: places.map((i) => inputs[i] as EmbeddingInput) });
    const compute: Work['compute'] = async (missing) => {
      try {
        return await onNodes(missing);
      } catch (error) {
        const isPart = missing.length < inputs.length;
        if (!isPart || !(error instanceof LeptonError && error.code === 'invalid_request')) throw error;
        // It names an input by its place among those that were sent.
        return await onNodes([...inputs.keys()]);
      }
    };
    const units: Work['units'] = (missing) =>
      missing.reduce((sum, i) => sum + mostTokens(inputs[i] as EmbeddingInput, spec.tokenizer.maxTokens), 0);
    return { items: inputs, units, compute };
  }
  const items = tokensOf(loaded.tokenizer, call.inputs);
  const compute: Work['compute'] = (missing) => {
    const rows = missing.map((i) => items[i] as number[]);
    return embedHere(gateway, call, plan, loaded.tokenizer, spec.embedding, rows);
  };
  const units: Work['units'] = (missing) => missing.reduce((sum, i) => sum + (items[i] as number[]).length, 0);
  return { items, units, compute };
}

/** A token is at least a byte; the ends are marked by one each. */
function mostTokens(input: EmbeddingInput, maxTokens: number): number {
  const most = typeof input === 'string' ? new TextEncoder().encode(input).length + 2 : input.length;
  return Math.min(most, maxTokens);
}

function tokensUsed({ texts }: { texts: readonly EmbeddedText[] }): number {
  return texts.reduce((sum, { tokens }) => sum + tokens, 0);
}

/** Tokens are made and embeddings pooled in this isolate; the model runs where placement says. */
async function embedHere(
  gateway: Gateway,
  call: EmbedCall,
  { target, asked, schedule, scope }: Plan,
  tokenizer: TextTokenizer,
  embedding: EmbeddingSpec,
  items: readonly number[][],
): Promise<{ texts: EmbeddedText[]; placement: Placement }> {
  const { version } = target;
  let placement: Placement = 'cache';
  const embeddings = await embedTokens(items, {
    tokenizer,
    embedding,
    inputs: version.manifest.inputs,
    tokenBudget: tokenBudgetOf(version),
    maxBatchSize: version.maxBatchSize,
    async run(inputs) {
      const input = { target, inputs, outputs: [embedding.output], asked, schedule, tracing: call.tracing };
      const outcome = await runShared(gateway, call, input, scope);
      placement = outcome.placement;
      return outcome.outputs;
    },
  });
  const tokens = items.map((item) => item.length);
  return { texts: embeddings.map((each, i) => ({ embedding: each, tokens: tokens[i] as number })), placement };
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

/** Less where a run of so much would be too long for the edge. */
function tokenBudgetOf({ edgeTried, manifest }: KnownVersion): number {
  let budget = TOKEN_BUDGET;
  while (edgeTried && budget > 1 && isTooLongForEdge(edgeTried, budget * manifest.inputs.length)) budget /= 2;
  return budget;
}
