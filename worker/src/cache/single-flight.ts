/**
 * Identical work under way is shared by those who ask for it.
 *
 * On Workers a promise may outlive the request that made it only inside that request's `waitUntil`, and may settle to
 * plain data only. A starter that goes away can leave its promise pending for ever, so each waiter has a deadline
 * after which it does the work itself.
 */

/** Keeps a promise alive after the answer, as a request's ExecutionContext does. */
export type WaitUntil = (promise: Promise<unknown>) => void;

interface Run<T> {
  promise?: Promise<T>;
}

/** @param isCurrent whether those who ask for the key now would still share this run */
export type Work<T> = (isCurrent: () => boolean) => Promise<T>;

export class SingleFlight<T> {
  readonly #underWay = new Map<string, Run<T>>();
  readonly #waiterTimeoutMs: number;

  constructor(waiterTimeoutMs = 10_000) {
    this.#waiterTimeoutMs = waiterTimeoutMs;
  }

  /** Runs `work`, or shares its result when the same key is under way. A failure of a shared run is the waiter's own chance. */
  async run(key: string, work: Work<T>, waitUntil: WaitUntil): Promise<T> {
    const shared = this.#underWay.get(key);
    if (!shared?.promise) return this.#start(key, work, waitUntil);
    const outcome = await settleWithin(shared.promise, this.#waiterTimeoutMs);
    if (outcome.settled) return outcome.value;
    // Whoever started it may be gone: those who come from now on share this run instead.
    if (this.#underWay.get(key) === shared) this.#underWay.delete(key);
    return this.run(key, work, waitUntil);
  }

  /** Those who ask from now on share nothing that began before. */
  forget(key: string): void {
    this.#underWay.delete(key);
  }

  #start(key: string, work: Work<T>, waitUntil: WaitUntil): Promise<T> {
    const run: Run<T> = {};
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

type Outcome<T> = { settled: true; value: T } | { settled: false };

/** The value of a promise, or `settled: false` when it fails or takes longer. */
async function settleWithin<T>(promise: Promise<T>, timeoutMs: number): Promise<Outcome<T>> {
  const { promise: timeout, resolve } = Promise.withResolvers<Outcome<T>>();
  const timer = setTimeout(() => resolve({ settled: false }), timeoutMs);
  try {
    return await Promise.race([promise.then((value): Outcome<T> => ({ settled: true, value })), timeout]);
  } catch {
    return { settled: false };
  } finally {
    clearTimeout(timer);
  }
}
