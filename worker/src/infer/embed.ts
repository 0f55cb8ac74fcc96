/** The way of a request for embeddings: resolve → tokenise → cache, text by text → run what is missing → pool. */
import type { CacheStatus, EmbeddingInput, Placement } from '@lepton-edge/protocol';
import { cutTo, textSpecOf } from '@lepton-edge/text';
import type { Gateway } from '../context.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import { cacheScope, isCacheable, isServersFault, notCached } from './cacheable.ts';
import { charge } from './charge.ts';
import { countRequest } from './count.ts';
import { inTime } from './deadline.ts';
import { type Embedded, planWork } from './embed-work.ts';
import { checkState, readPlacement } from './infer.ts';
import { type EmbeddedText, KnownEmbeddings } from './known-embeddings.ts';
import { type ModelCall, resolveCall } from './model-call.ts';
import { scheduleOf } from './schedule.ts';
import { Timings } from './timings.ts';

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
  /** `hit` when all of it was remembered, `stale` when a part of that was stale. */
  cache: CacheStatus;
  /** Where all of it was remembered: how long ago the oldest part was computed. */
  ageMs: number | undefined;
}

/** @throws LeptonError saying what was expected and what came, or why nothing could run. */
export async function embed(gateway: Gateway, call: EmbedCall): Promise<EmbedAnswer> {
  const target = await resolveCall(gateway, call);
  return await countRequest(gateway, target, call.waitUntil, () => answerOf(gateway, call, target));
}

async function answerOf(gateway: Gateway, call: EmbedCall, target: Resolved): Promise<EmbedAnswer> {
  const { directives, timings, waitUntil } = call;
  const { version } = target;
  checkState(version);
  const spec = textSpecOf(version, version.manifest);
  const asked = readPlacement(call.place);
  const isCached = asked === undefined && !directives.noStore && isCacheable(version);
  if (directives.onlyIfCached && !isCached) throw notCached();
  const scope = isCached ? cacheScope(target, call.principal) : undefined;
  const schedule = scheduleOf(call);
  // What is remembered is answered even when its time is over, so this is begun without a look at the time.
  const finding = find();
  const { known, found, units, compute } = await (schedule.deadline?.within(finding) ?? finding);
  const places = call.inputs.map((_input, i) => known.firstOf(i));
  const distinct = places.filter((first, i) => first === i);
  const missing = distinct.filter((i) => !found[i]?.use);
  const stale = distinct.filter((i) => found[i]?.use === 'stale');
  const texts = found.map((each) => each?.text);
  let placement: Placement = 'cache';
  let cache: CacheStatus = stale.length > 0 ? 'stale' : 'hit';
  if (missing.length > 0) {
    if (directives.onlyIfCached) throw notCached();
    try {
      const computed = await inTime(schedule.deadline, () => embedShared(missing));
      placement = computed.placement;
      for (const [k, i] of missing.entries()) texts[i] = computed.texts[k];
      cache = !isCached || directives.noCache ? 'bypass' : 'miss';
    } catch (error) {
      if (!isServersFault(error) || !missing.every((i) => found[i]?.mayStandIn)) throw error;
      cache = 'stale';
    }
  }
  if (stale.length > 0 && !directives.onlyIfCached) refresh();
  const all = places.map((i) => texts[i] as EmbeddedText);
  const isRemembered = cache === 'hit' || cache === 'stale';
  return {
    version,
    embeddings: all.map(({ embedding }) => cutTo(embedding, spec.embedding, call.dimensions)),
    tokens: tokensUsed({ texts: all }),
    placement,
    cache,
    ageMs: isRemembered ? found.reduce((oldest, each) => Math.max(oldest, each?.ageMs ?? 0), 0) : undefined,
  };

  async function find() {
    const { items, units, compute } = await planWork(gateway, call, { target, spec, asked });
    const known = await KnownEmbeddings.of(gateway, version, scope, items);
    return { known, found: await known.find(directives, timings, waitUntil), units, compute };
  }

  /** Identical texts under way are embedded once, but for those that are to be embedded anew. */
  async function embedShared(missing: readonly number[]): Promise<Embedded> {
    const work = () => embedAndRemember(missing, { schedule, timings });
    const name = directives.noCache ? undefined : known.nameOf(missing);
    return name === undefined ? await work() : await gateway.embeds.run(name, work, waitUntil);
  }

  /** Makes what was stale new, after the caller has it: once at a time, and nobody's deadline bounds it. */
  function refresh(): void {
    const name = known.nameOf(stale);
    if (name === undefined || gateway.embeds.isUnderWay(name)) return;
    const how = { schedule: { ...schedule, deadline: undefined }, timings: new Timings() };
    const work = () => embedAndRemember(stale, how);
    waitUntil(gateway.embeds.run(name, work, waitUntil).catch(() => undefined));
  }

  async function embedAndRemember(places: readonly number[], how: Parameters<typeof compute>[1]): Promise<Embedded> {
    const work = () => compute(places, how);
    const computed = await charge(gateway, call.principal, units(places), waitUntil, work, tokensUsed);
    known.put(places, computed.texts, waitUntil);
    return computed;
  }
}

function tokensUsed({ texts }: { texts: readonly EmbeddedText[] }): number {
  return texts.reduce((sum, { tokens }) => sum + tokens, 0);
}
