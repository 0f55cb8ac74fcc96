/** An inference as it crosses the wire: bytes in, bytes out. Bytes that came before are answered as they were then. */
import type { CacheStatus, InferRequest } from '@lepton-edge/protocol';
import { useOf } from '../cache/freshness.ts';
import { repeatKey, type Sent } from '../cache/repeats.ts';
import type { Gateway } from '../context.ts';
import { leastEdgeCostMs } from '../dispatch/edge-time.ts';
import type { Resolved } from '../services/directory.ts';
import { cacheScope, isCacheable } from './cacheable.ts';
import { countAnswer, countRequest } from './count.ts';
import { type InferAnswer, inferResolved } from './infer.ts';
import { type ModelCall, resolveCall } from './model-call.ts';

export interface BytesCall extends ModelCall {
  bytes: Uint8Array<ArrayBuffer>;
  /** What says how the bytes are read, and how an answer is written; in one line. */
  format: string;
  decode(): InferRequest;
  encode(answer: InferAnswer, request: InferRequest): Sent | Promise<Sent>;
}

export interface SentAnswer {
  cache: CacheStatus;
  ageMs?: number | undefined;
  sent: Sent;
}

/** No promise for bytes that came before. @throws LeptonError saying what was expected and what came, or why nothing could run. */
export function inferBytes(gateway: Gateway, call: BytesCall): SentAnswer | Promise<SentAnswer> {
  const target = resolveCall(gateway, call);
  return target instanceof Promise
    ? target.then((found) => inferBy(gateway, call, found))
    : inferBy(gateway, call, target);
}

function inferBy(gateway: Gateway, call: BytesCall, target: Resolved): SentAnswer | Promise<SentAnswer> {
  const key = repeatKeyOf(call, target);
  const repeated = key === undefined ? undefined : repeatOf(gateway, call, target, key);
  if (repeated) {
    countAnswer(gateway, target, repeated.cache, 0, call.waitUntil);
    return repeated;
  }
  checkEdge(gateway, call, target);
  // What is no request for a model at all is none of this version's.
  const request = call.decode();
  return countRequest(gateway, target, call.waitUntil, async () => {
    const answer = await inferResolved(gateway, { ...call, request }, target);
    const sent = await call.encode(answer, request);
    // Only now is it one that comes again. Its name, which is as long as its bytes, was not kept meanwhile.
    const { cache, ageMs, hit } = answer;
    const name = hit && repeatKeyOf(call, target);
    if (name !== undefined && hit) gateway.repeats.put(name, hit.key, hit.known, sent);
    return { cache, ageMs, sent };
  });
}

/** What would be computed at the edge, and nowhere else, is refused before anything is made of its bytes. @throws LeptonError `overloaded` */
function checkEdge(gateway: Gateway, { principal, waitUntil }: BytesCall, { model, version }: Resolved): void {
  const { manifest, edgeTried, edgeBatchSize } = version;
  if (isCacheable(version) || !edgeTried || manifest.placement.policy !== 'edge') return;
  try {
    gateway.edge.checkRoom(principal.teamId, leastEdgeCostMs(edgeTried, edgeBatchSize));
  } catch (error) {
    gateway.metrics.count(model.id, version.version, { fail: { count: 1, ms: 0 } }, waitUntil);
    throw error;
  }
}

/** What was answered to the same bytes, if it will do. */
function repeatOf(gateway: Gateway, { directives }: BytesCall, { version }: Resolved, key: string) {
  const repeat = gateway.repeats.get(key);
  if (!repeat) return undefined;
  const ageMs = gateway.now() - repeat.storedAt;
  if (useOf(ageMs, version.manifest.cache, directives) !== 'hit') return undefined;
  return { cache: 'hit' as const, ageMs, sent: repeat.sent };
}

/** Undefined for a request that is not answered from the cache. */
function repeatKeyOf({ bytes, format, place, directives, principal }: BytesCall, target: Resolved) {
  const { version } = target;
  if (place !== undefined || directives.noStore || version.state !== 'ready' || !isCacheable(version)) return undefined;
  const { model, version: number, digest } = version;
  return repeatKey(bytes, `${cacheScope(target, principal)}\n${model}\n${number}\n${digest}\n${format}`);
}
