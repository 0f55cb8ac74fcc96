/** What every call of a model has, and how each begins: what it names is found. */
import type { Priority, Reference } from '@lepton-edge/protocol';
import type { CacheDirectives } from '../cache/freshness.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway, Principal } from '../context.ts';
import { stickyPoint } from '../dispatch/choose-target.ts';
import type { Resolved } from '../services/directory.ts';
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

/** The version that a call stands for; no promise where it is known and fresh. @throws LeptonError for what is not there */
export function resolveCall(
  { directory, random }: Gateway,
  { ref, principal, sticky, timings, waitUntil }: ModelCall,
): Resolved | Promise<Resolved> {
  const point = sticky === undefined ? random() : stickyPoint(sticky);
  return (
    directory.fresh(ref, principal, point) ??
    timings.measure('resolve', () => directory.resolve(ref, principal, point, waitUntil))
  );
}
