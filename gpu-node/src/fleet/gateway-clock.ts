/** What time it is at the gateway, measured by its answers: this machine's own clock may be wrong. */

/** An answer that took longer tells too little. */
const MAX_ROUND_TRIP_MS = 3_000;
/** Above this the clock is worth a warning: tokens are checked to within 5 s. */
const NOTED_SKEW_MS = 5_000;

export class GatewayClock {
  readonly #own: () => number;
  #skewMs: number | undefined;

  constructor(own: () => number = Date.now) {
    this.#own = own;
  }

  /** Milliseconds since 1970 by the gateway's clock; by our own while it has not been measured. */
  now(): number {
    return this.#own() - (this.#skewMs ?? 0);
  }

  /** How far our clock is ahead of the gateway's, negative when it is behind; undefined while it has not been measured. */
  get skewMs(): number | undefined {
    return this.#skewMs;
  }

  /** Asks something that is answered with the gateway's time, which then lies in the middle of the round trip. */
  async measure<T extends { receivedAt: string }>(ask: () => Promise<T>): Promise<T> {
    const sentAt = this.#own();
    const startedAt = performance.now();
    const answer = await ask();
    const roundTripMs = performance.now() - startedAt;
    const receivedAt = Date.parse(answer.receivedAt);
    if (Number.isFinite(receivedAt) && roundTripMs <= MAX_ROUND_TRIP_MS) {
      this.#skewMs = Math.round(sentAt + roundTripMs / 2 - receivedAt);
    }
    return answer;
  }

  /** A sentence where the clock is noticeably wrong. */
  warning(): string | undefined {
    const skewMs = this.#skewMs ?? 0;
    if (Math.abs(skewMs) < NOTED_SKEW_MS) return undefined;
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    return `this machine's clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the gateway's: set it, by NTP for example`;
  }
}
