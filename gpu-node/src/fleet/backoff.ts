/** Waiting longer after each failure, up to a bound, spread so that nodes do not come back all at once. */

const FIRST_MS = 1_000;
const LAST_MS = 10_000;

export class Backoff {
  readonly #random: () => number;
  #nextMs = FIRST_MS;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** How long to wait after one more failure: between half of the step and all of it. */
  next(): number {
    const step = this.#nextMs;
    this.#nextMs = Math.min(step * 2, LAST_MS);
    return step * (0.5 + this.#random() / 2);
  }

  reset(): void {
    this.#nextMs = FIRST_MS;
  }
}
