/**
 * A mean of durations that follows a longer one at once and forgets it slowly: what a node that has become slow does next is more
 * like its last answer than like its mean. After Twitter Finagle's `PeakEwma`. Pure: the clock is handed in.
 */

/** Finagle's: after so long without another, a third of a peak is left. */
export const DECAY_MS = 10_000;

export class PeakEwma {
  #ms = 0;
  #at = 0;

  observe(ms: number, now: number): void {
    const before = this.at(now);
    const kept = this.#keptAt(now);
    this.#ms = ms >= before ? ms : this.#ms * kept + ms * (1 - kept);
    this.#at = now;
  }

  /** Something takes at least so long, though it has not ended. */
  atLeast(ms: number, now: number): void {
    if (ms > this.at(now)) this.observe(ms, now);
  }

  /** 0 where there was nothing. It falls while there is nothing more, so that a node that was slow once is tried again. */
  at(now: number): number {
    return this.#ms * this.#keptAt(now);
  }

  #keptAt(now: number): number {
    return now > this.#at ? Math.exp((this.#at - now) / DECAY_MS) : 1;
  }
}
