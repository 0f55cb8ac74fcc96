/** What every call of a model has, and how each begins: what it names is found, and what becomes of it is counted. */
import type { CacheStatus, Priority, Reference } from '@lepton-edge/protocol';
import type { CacheDirectives } from '../cache/freshness.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway, Principal } from '../context.ts';
import { stickyPoint } from '../dispatch/choose-target.ts';
import type { Resolved } from '../services/directory.ts';
import { countRequest } from './count.ts';
import type { Timings } from './timings.ts';
import type { Tracing } from './tracing.ts';

export interface ModelCall {
  ref: Reference;
  principal: Principal;
  /** From `x-lepton-place`. */
  place: string | undefined;
  /** From `cache-control`. */
  directives: CacheDirectives;
  /** Names the caller for traffic splits. */
  sticky: string | undefined;
  tracing: Tracing;
  /** When the request came, by `performance.now()`. */
  arrivedAt: number;
  /** From their headers; what is asked for may say the same. */
  timeoutMs: number | undefined;
  priority: Priority | undefined;
  timings: Timings;
  waitUntil: WaitUntil;
}

/** @param answer makes the answer of the version that the call stands for. @throws LeptonError as it does, and for what is not there */
export async function answerCall<T extends { cache: CacheStatus }>(
  gateway: Gateway,
  { ref, principal, sticky, timings, waitUntil }: ModelCall,
  answer: (target: Resolved) => Promise<T>,
): Promise<T> {
  const point = sticky === undefined ? gateway.random() : stickyPoint(sticky);
  const target =
    gateway.directory.fresh(ref, principal, point) ??
    (await timings.measure('resolve', () => gateway.directory.resolve(ref, principal, point, waitUntil)));
  return await countRequest(gateway, target, waitUntil, () => answer(target));
}
