/** How fast a model's queue moves, as measured. Pure. */

/** How much the latest run counts. */
const WEIGHT = 0.2;
/** One that happened to be slow counts as at most so many times what was usual. */
const MAX_RISE = 2;

export class Pace {
  /** From the end of one run to that of the next, while there is always one: instances that run side by side are in it. */
  #runMs = 0;
  #endedAt = Number.NEGATIVE_INFINITY;
  #mostPerRun = 1;

  /** @param perRun how many requests could share this one's run */
  asked(perRun: number): void {
    this.#mostPerRun = Math.max(this.#mostPerRun, perRun);
  }

  /** @param succeeded what fails tells nothing of how long a run takes */
  ended(startedAt: number, now: number, succeeded: boolean): void {
    if (succeeded) {
      const ms = now - Math.max(startedAt, this.#endedAt);
      const usual = this.#runMs || ms;
      this.#runMs = usual * (1 - WEIGHT) + Math.min(ms, usual * MAX_RISE) * WEIGHT;
    }
    this.#endedAt = now;
  }

  /** What so many requests take at least, in as few runs as they may share; 0 where nothing was measured. */
  leastMs(requests: number): number {
    return Math.floor(requests / this.#mostPerRun) * this.#runMs;
  }

  /** What so many requests take about, if they share their runs. */
  aboutMs(requests: number): number {
    return Math.ceil(requests / this.#mostPerRun) * this.#runMs;
  }
}
