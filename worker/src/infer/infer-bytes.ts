/** An inference as it crosses the wire: bytes in, bytes out. Bytes that came before are answered as they were then. */
import type { CacheStatus, InferRequest } from '@lepton-edge/protocol';
import { useOf } from '../cache/freshness.ts';
import { repeatKey, type Sent } from '../cache/repeats.ts';
import type { Gateway } from '../context.ts';
import type { Resolved } from '../services/directory.ts';
import { cacheScope, isCacheable } from './cacheable.ts';
import { type InferAnswer, inferResolved } from './infer.ts';
import { answerCall, type ModelCall } from './model-call.ts';

export interface BytesCall extends ModelCall {
  bytes: Uint8Array<ArrayBuffer>;
  /** What says how the bytes are read, and how an answer is written; each in one line. */
  format: readonly string[];
  decode(): InferRequest;
  encode(answer: InferAnswer, request: InferRequest): Promise<Sent>;
}

export interface SentAnswer {
  cache: CacheStatus;
  ageMs?: number | undefined;
  sent: Sent;
}

/** @throws LeptonError saying what was expected and what came, or why nothing could run. */
export async function inferBytes(gateway: Gateway, call: BytesCall): Promise<SentAnswer> {
  return await answerCall(gateway, call, async (target) => {
    const key = await repeatKeyOf(call, target);
    const repeated = key === undefined ? undefined : gateway.repeats.get(key);
    if (repeated) {
      const ageMs = gateway.now() - repeated.storedAt;
      const isFresh = useOf(ageMs, target.version.manifest.cache, call.directives) === 'hit';
      if (isFresh) return { cache: 'hit', ageMs, sent: repeated.sent };
    }
    const request = call.decode();
    const answer = await inferResolved(gateway, { ...call, request }, target);
    const sent = await call.encode(answer, request);
    // Only now is it one that comes again.
    const { cache, ageMs, hit } = answer;
    if (key !== undefined && hit) gateway.repeats.put(key, hit.key, hit.known, sent);
    return { cache, ageMs, sent };
  });
}

/** Undefined for a request that is not answered from the cache. */
async function repeatKeyOf({ bytes, format, place, directives, principal }: BytesCall, target: Resolved) {
  const { version } = target;
  if (place !== undefined || directives.noStore || version.state !== 'ready' || !isCacheable(version)) return undefined;
  const { model, version: number, digest } = version;
  return await repeatKey(bytes, [cacheScope(target, principal), model, String(number), digest, ...format]);
}
