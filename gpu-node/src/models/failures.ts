/** What cannot run here, so that it is not tried again at every call. */
import { LeptonError } from '@lepton-edge/protocol';
import type { EngineError } from '../engines/engine.ts';

const KEPT_MS = 10_000;

export class Failures {
  readonly #now: () => number;
  readonly #byDigest = new Map<string, { error: LeptonError; until: number }>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @throws LeptonError the last failure of the digest, while it counts */
  check(digest: string): void {
    const failure = this.#byDigest.get(digest);
    if (failure && failure.until > this.#now()) throw failure.error;
  }

  forget(digest: string): void {
    this.#byDigest.delete(digest);
  }

  /** Remembers what no engine will ever run. @returns what callers hear of it */
  note(digest: string, label: string, error: EngineError): LeptonError {
    const isFinal = error.failure === 'unsupported';
    const told = new LeptonError('unavailable', `${label} cannot be loaded: ${error.message}`, {
      cause: error,
      retryAfterSeconds: isFinal ? KEPT_MS / 1000 : 1,
    });
    const now = this.#now();
    for (const [known, { until }] of this.#byDigest) if (until <= now) this.#byDigest.delete(known);
    if (isFinal) this.#byDigest.set(digest, { error: told, until: now + KEPT_MS });
    return told;
  }
}
