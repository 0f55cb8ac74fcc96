/**
 * How many calls may be made again: a fifth of the requests of the last seconds and a few more, so that retries and hedges never
 * multiply an outage. After Finagle's `RetryBudget`, whose numbers these are (also: Google's SRE book, "Handling overload").
 * Pure: the clock is handed in.
 */

export const RETRIES_PER_REQUEST = 0.2;
const WINDOW_MS = 10_000;
/** Ten a second, at once where need be: what one node of a few had under way when it died. */
export const RESERVE = 100;

export class RetryBudget {
  readonly #now: () => number;
  /** Beyond the reserve, or below it. */
  #balance = 0;
  #at = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** There is one more request. */
  deposit(): void {
    this.#settle();
    this.#balance += RETRIES_PER_REQUEST;
  }

  /** Whether one call may be made in addition; then it is counted. */
  withdraw(): boolean {
    this.#settle();
    if (this.#balance + RESERVE < 1) return false;
    this.#balance -= 1;
    return true;
  }

  /** What was put in is forgotten over the window, and the reserve fills in as long. */
  #settle(): void {
    const now = this.#now();
    if (now > this.#at) this.#balance *= Math.exp((this.#at - now) / WINDOW_MS);
    this.#at = now;
  }
}
