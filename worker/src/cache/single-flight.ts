/**
 * Identical work under way is shared by those who ask for it.
 *
 * On Workers a promise may outlive the request that made it only inside that request's `waitUntil`, and may settle to
 * plain data only. A starter that goes away can leave its promise pending for ever, so each waiter has a deadline
 * after which it does the work itself.
 */

/** Keeps a promise alive after the answer, as a request's ExecutionContext does. */
export type WaitUntil = (promise: Promise<unknown>) => void;

export class SingleFlight<T> {
  readonly #underWay = new Map<string, Promise<T>>();
  readonly #waiterTimeoutMs: number;

  constructor(waiterTimeoutMs = 10_000) {
    this.#waiterTimeoutMs = waiterTimeoutMs;
  }

  /** Runs `work`, or shares its result when the same key is under way. A failure of a shared run is the waiter's own chance. */
  async run(key: string, work: () => Promise<T>, waitUntil: WaitUntil): Promise<T> {
    const shared = this.#underWay.get(key);
    if (!shared) return this.#start(key, work, waitUntil);
    const outcome = await settleWithin(shared, this.#waiterTimeoutMs);
    if (outcome.settled) return outcome.value;
    // Whoever started it may be gone: those who come from now on share this run instead.
    if (this.#underWay.get(key) === shared) this.#underWay.delete(key);
    return this.run(key, work, waitUntil);
  }

  #start(key: string, work: () => Promise<T>, waitUntil: WaitUntil): Promise<T> {
    const promise = work().finally(() => {
      if (this.#underWay.get(key) === promise) this.#underWay.delete(key);
    });
    this.#underWay.set(key, promise);
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
