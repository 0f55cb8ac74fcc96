/**
 * Whether a node is called that has failed calls. Closed: it is. Open: it is left alone for some seconds, and for longer each time.
 * Half-open, after that: one call tries it. An answer closes the circuit. (Nygard, "Release It!".) Pure: the clock is handed in.
 */

/** By then a node's heartbeats have told whether it lives. */
const FIRST_OPEN_MS = 3_000;
const MAX_OPEN_MS = 12_000;
/** A probe of which nothing is heard for so long makes way for another: its caller may be gone. */
const PROBE_MS = 3_000;

export class CircuitBreaker {
  /** Openings since the last answer. */
  #openings = 0;
  #openUntil = 0;
  /** Of the first failure since the last answer. */
  #failingSince: number | undefined;
  #isSilent = false;
  #probedAt: number | undefined;

  /** Whether a call may be made now. */
  allows(now: number): boolean {
    if (this.#openings === 0) return true;
    return now > this.#openUntil && (this.#probedAt === undefined || now - this.#probedAt > PROBE_MS);
  }

  /** A call is made. @returns whether it is a probe */
  begin(now: number): boolean {
    if (this.#openings === 0) return false;
    this.#probedAt = now;
    return true;
  }

  answered(): void {
    this.#openings = 0;
    this.#failingSince = undefined;
    this.#probedAt = undefined;
  }

  /** @param isSilent whether there was no answer, which may soon be otherwise */
  failed(now: number, { isSilent, isProbe }: { isSilent: boolean; isProbe: boolean }): void {
    this.#failingSince ??= now;
    this.#isSilent = isSilent;
    // Calls that were under way together fail together.
    if (this.#openings > 0 && !isProbe && now <= this.#openUntil) return;
    this.#openings += 1;
    this.#openUntil = now + Math.min(MAX_OPEN_MS, FIRST_OPEN_MS * 2 ** (this.#openings - 1));
    this.#probedAt = undefined;
  }

  /** A call ended without telling anything. */
  abandoned(isProbe: boolean): void {
    if (isProbe) this.#probedAt = undefined;
  }

  /** For how long it has been silent, in ms; undefined while it is not. */
  silentMs(now: number): number | undefined {
    return this.#failingSince !== undefined && this.#isSilent ? now - this.#failingSince : undefined;
  }
}
