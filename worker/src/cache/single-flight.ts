/**
 * Identical work under way is shared by those who ask for it.
 *
 * On Workers a promise may outlive the request that made it only inside that request's `waitUntil`, and may settle to
 * plain data only. A starter that goes away can leave its promise pending for ever, so each waiter has a deadline
 * after which it does the work itself.
 */
import { within } from '../within.ts';

/** Keeps a promise alive after the answer, as a request's ExecutionContext does. */
export type WaitUntil = (promise: Promise<unknown>) => void;

interface Run<T> {
  /** By `Date.now()`. */
  since: number;
  promise?: Promise<T>;
}

/** @param isCurrent whether those who ask for the key now would still share this run */
export type Work<T> = (isCurrent: () => boolean) => Promise<T>;

/** How many runs of others one waits for before it does the work alone: one that fails must not hold up many in turn. */
const MAX_SHARED = 2;
/** A run that takes so many times what a waiter waits for it went away with its starter. */
const LOST_AFTER = 3;

export class SingleFlight<T> {
  readonly #underWay = new Map<string, Run<T>>();
  readonly #waiterTimeoutMs: number;
  readonly #concernsAll: (error: unknown) => boolean;

  /** @param concernsAll of a failure, whether every other run of the same work would meet it, too: it is the waiters' as well */
  constructor(waiterTimeoutMs = 10_000, concernsAll: (error: unknown) => boolean = () => false) {
    this.#waiterTimeoutMs = waiterTimeoutMs;
    this.#concernsAll = concernsAll;
  }

  /** Runs `work`, or shares its result when the same key is under way. A failure of a shared run is the waiter's own chance. */
  async run(key: string, work: Work<T>, waitUntil: WaitUntil): Promise<T> {
    for (let shared = 0; shared < MAX_SHARED; shared++) {
      const run = this.#current(key);
      if (!run?.promise) return await this.#start(key, work, waitUntil);
      const outcome = await settleWithin(run.promise, this.#waiterTimeoutMs);
      if ('value' in outcome) return outcome.value;
      if ('error' in outcome && this.#concernsAll(outcome.error)) throw outcome.error;
      // Whoever started it may be gone: those who come from now on share another run instead.
      if (this.#underWay.get(key) === run) this.#underWay.delete(key);
    }
    const own = work(() => false);
    waitUntil(own.catch(() => undefined));
    return await own;
  }

  isUnderWay(key: string): boolean {
    return this.#current(key) !== undefined;
  }

  /** Those who ask from now on share nothing that began before. */
  forget(key: string): void {
    this.#underWay.delete(key);
  }

  #current(key: string): Run<T> | undefined {
    const run = this.#underWay.get(key);
    if (!run || Date.now() - run.since < LOST_AFTER * this.#waiterTimeoutMs) return run;
    this.#underWay.delete(key);
    return undefined;
  }

  #start(key: string, work: Work<T>, waitUntil: WaitUntil): Promise<T> {
    const run: Run<T> = { since: Date.now() };
    this.#underWay.set(key, run);
    const isCurrent = () => this.#underWay.get(key) === run;
    const promise = work(isCurrent).finally(() => {
      if (isCurrent()) this.#underWay.delete(key);
    });
    run.promise = promise;
    waitUntil(promise.catch(() => undefined));
    return promise;
  }
}

/** Empty: it has not settled in time. */
type Outcome<T> = { value: T } | { error: unknown } | Record<string, never>;

async function settleWithin<T>(promise: Promise<T>, timeoutMs: number): Promise<Outcome<T>> {
  const settled = promise.then(
    (value): Outcome<T> => ({ value }),
    (error: unknown): Outcome<T> => ({ error }),
  );
  return await within(settled, timeoutMs, (): Outcome<T> => ({}));
}
