/** When an answer is of no more use to its caller. On Cloudflare no clock advances during computation: it is asked after waiting. */
import { LeptonError } from '@lepton-edge/protocol';
import { within } from '../within.ts';

/** The clock of an isolate may tell whole milliseconds only. */
const LEAST_MS = 1;

export class Deadline {
  readonly #totalMs: number;
  readonly #arrivedAt: number;
  readonly #now: () => number;

  /** @param arrivedAt of the request, by the same clock */
  constructor(totalMs: number, arrivedAt: number, now: () => number = () => performance.now()) {
    this.#totalMs = totalMs;
    this.#arrivedAt = arrivedAt;
    this.#now = now;
  }

  /** 0 when it has passed, or as good as that. */
  leftMs(): number {
    const ms = this.#arrivedAt + this.#totalMs - this.#now();
    return ms < LEAST_MS ? 0 : ms;
  }

  /** @throws LeptonError `deadline_exceeded` when it has passed */
  check(): void {
    if (this.leftMs() === 0) throw this.exceeded();
  }

  exceeded(): LeptonError {
    const ms = Number(this.#totalMs.toFixed(3));
    return new LeptonError('deadline_exceeded', `the ${ms} ms in which this request wanted its answer have passed`);
  }

  /** What becomes of the work, which goes on when it comes too late. @throws LeptonError `deadline_exceeded` */
  async within<T>(work: Promise<T>): Promise<T> {
    return await within(work, this.leftMs(), () => {
      throw this.exceeded();
    });
  }
}

/** Begins work while there is time for it, and waits for it no longer. @throws LeptonError `deadline_exceeded` */
export async function inTime<T>(deadline: Deadline | undefined, work: () => Promise<T>): Promise<T> {
  if (!deadline) return await work();
  deadline.check();
  return await deadline.within(work());
}
