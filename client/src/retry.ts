/** When a call is worth sending again, and how long to wait before. */
import { GatewayError } from './errors.ts';

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 10_000;
/** A gateway that asks for more patience than this is taken at its word: the caller gets the error. */
const LONGEST_RETRY_AFTER_MS = 60_000;

export interface RetryPolicy {
  /** How often to send again after the first time. */
  retries: number;
  retryOn(error: GatewayError): boolean;
  signal?: AbortSignal | undefined;
}

/** Overload, absence and broken connections: what a call that may be repeated is repeated for. */
export function isPassing({ status, code }: GatewayError): boolean {
  if (code === 'request_in_flight') return true;
  return status === 0 || status === 408 || status === 429 || status === 502 || status === 503 || status === 504;
}

/** Runs `attempt` until it succeeds, fails for good, or has been repeated often enough. */
export async function withRetries<T>(attempt: () => Promise<T>, policy: RetryPolicy): Promise<T> {
  for (let sent = 1; ; sent += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!(error instanceof GatewayError) || sent > policy.retries || !policy.retryOn(error)) throw error;
      const pauseMs = pauseBefore(sent, error.retryAfterSeconds);
      if (pauseMs === undefined) throw error;
      await sleep(pauseMs, policy.signal);
    }
  }
}

/**
 * Milliseconds to wait before retry number `retry` (from 1): exponential with jitter, and never less than the gateway
 * asks for; `undefined` when it asks for too much.
 */
export function pauseBefore(
  retry: number,
  retryAfterSeconds: number | undefined,
  random: () => number = Math.random,
): number | undefined {
  const ceilingMs = Math.min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** (retry - 1));
  const pauseMs = ceilingMs * (0.5 + random() / 2);
  if (retryAfterSeconds === undefined) return pauseMs;
  const askedMs = Math.max(0, retryAfterSeconds * 1000);
  return askedMs > LONGEST_RETRY_AFTER_MS ? undefined : Math.max(pauseMs, askedMs + (random() * FIRST_PAUSE_MS) / 2);
}

/** Rejects with the signal's reason when it aborts first. */
export function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
