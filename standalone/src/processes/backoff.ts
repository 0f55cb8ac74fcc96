/** How long to wait before a process that ended is started again. */

const FIRST_MS = 1_000;
const LONGEST_MS = 30_000;
/** A process that ran this long was well: its next end counts as the first. */
const HEALTHY_AFTER_MS = 60_000;

export class Backoff {
  #nextMs = FIRST_MS;

  /** The delay in milliseconds after a run of `uptimeMs`: 1 s, doubling to 30 s. */
  after(uptimeMs: number): number {
    const delay = uptimeMs >= HEALTHY_AFTER_MS ? FIRST_MS : this.#nextMs;
    this.#nextMs = Math.min(delay * 2, LONGEST_MS);
    return delay;
  }
}
