/** A quantile of the last durations, exact over a window of them. Pure. */

const LENGTH = 128;
/** Fewer tell no 95th percentile. */
const LEAST = 20;
/** It is worked out again after so many more. */
const EVERY = 16;

export class QuantileWindow {
  readonly #quantile: number;
  readonly #window = new Float64Array(LENGTH);
  #count = 0;
  #known: number | undefined;
  #knownAt = 0;

  /** @param quantile in (0, 1) */
  constructor(quantile: number) {
    this.#quantile = quantile;
  }

  observe(ms: number): void {
    this.#window[this.#count % LENGTH] = ms;
    this.#count += 1;
  }

  /** Undefined until enough is known. */
  get value(): number | undefined {
    if (this.#count < LEAST) return undefined;
    if (this.#known === undefined || this.#count - this.#knownAt >= EVERY) {
      const sorted = this.#window.slice(0, Math.min(this.#count, LENGTH)).sort();
      this.#known = sorted[Math.min(sorted.length - 1, Math.floor(this.#quantile * sorted.length))];
      this.#knownAt = this.#count;
    }
    return this.#known;
  }
}
