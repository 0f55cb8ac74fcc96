/** Counts what becomes of every request for a version and of every run, for its statistics. */
import type { CacheStatus } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import type { Resolved } from '../services/directory.ts';

/** Does a request's work; on Cloudflare its time is that of the waiting in it, as no clock advances during computation. */
export async function countRequest<T extends { cache: CacheStatus }>(
  gateway: Gateway,
  target: Resolved,
  waitUntil: WaitUntil,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  try {
    const answer = await work();
    countAnswer(gateway, target, answer.cache, performance.now() - startedAt, waitUntil);
    return answer;
  } catch (error) {
    const { model, version } = target;
    const fail = { count: 1, ms: performance.now() - startedAt };
    gateway.metrics.count(model.id, version.version, { fail }, waitUntil);
    throw error;
  }
}

/** Counts a request that was answered. */
export function countAnswer(
  { metrics, now }: Gateway,
  { model, version }: Resolved,
  cache: CacheStatus,
  ms: number,
  waitUntil: WaitUntil,
): void {
  const took = { count: 1, ms };
  const looked = cache === 'bypass' ? {} : cache === 'miss' ? { miss: took } : { hit: took };
  metrics.count(model.id, version.version, { success: took, lastAt: now(), ...looked }, waitUntil);
}

/** Does a run of a model; one that fails counts as none. */
export async function countRun<T>(
  { metrics }: Gateway,
  { model, version }: Resolved,
  inferences: number,
  waitUntil: WaitUntil,
  work: () => Promise<T>,
): Promise<T> {
  const startedAt = performance.now();
  const outcome = await work();
  const run = { count: 1, ms: performance.now() - startedAt };
  metrics.count(model.id, version.version, { run, inferences }, waitUntil);
  return outcome;
}
