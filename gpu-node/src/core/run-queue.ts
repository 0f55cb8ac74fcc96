/** The requests of one model: how many may be there at a time, and who runs next. Batching will happen here. */
import { LeptonError } from '@lepton-edge/protocol';

interface Waiting {
  start(): void;
  signal: AbortSignal | undefined;
  drop(): void;
}

export interface Ran<T> {
  value: T;
  /** Time between asking for a run and its start. */
  queuedMs: number;
}

/** Thrown to a request whose caller went away while it waited; nobody is left to read it. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone';
}

export class RunQueue {
  readonly #limit: number;
  readonly #now: () => number;
  readonly #waiting: Waiting[] = [];
  #entered = 0;
  #running = 0;

  /** @param limit requests inside at a time: arriving, waiting or running */
  constructor(limit: number, now: () => number = () => performance.now()) {
    this.#limit = limit;
    this.#now = now;
  }

  /** Takes a place before any work is done; the caller gives it back with `leave`. @throws LeptonError `overloaded` */
  enter(): void {
    if (this.#entered >= this.#limit) {
      throw new LeptonError(
        'overloaded',
        `${this.#limit} requests of this model are waiting already: try again later`,
        {
          retryAfterSeconds: 1,
        },
      );
    }
    this.#entered++;
  }

  leave(): void {
    this.#entered--;
  }

  get entered(): number {
    return this.#entered;
  }

  get running(): number {
    return this.#running;
  }

  /**
   * Runs `task` once fewer than `concurrency` others do, first come, first served.
   * @throws CallerGone when the signal aborts before its turn
   */
  async run<T>(concurrency: number, task: () => Promise<T>, signal?: AbortSignal): Promise<Ran<T>> {
    const askedAt = this.#now();
    if (this.#running >= concurrency) await this.#turn(signal);
    else this.#running++;
    try {
      if (signal?.aborted) throw new CallerGone('the caller left before its turn');
      const queuedMs = this.#now() - askedAt;
      return { value: await task(), queuedMs };
    } finally {
      this.#next();
    }
  }

  #turn(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((start, reject) => {
      this.#waiting.push({ start, signal, drop: () => reject(new CallerGone('the caller left before its turn')) });
    });
  }

  /** Hands the place of a run that ended to the next whose caller is still there. */
  #next(): void {
    for (;;) {
      const next = this.#waiting.shift();
      if (!next) {
        this.#running--;
        return;
      }
      if (!next.signal?.aborted) {
        next.start();
        return;
      }
      next.drop();
    }
  }
}
