/** The calls an isolate has under way on one node, and how many it had a moment ago. Pure: the clock is handed in. */

/** Longer than a report takes to come here. */
const KEPT_MS = 10_000;
/** Changes closer together than this count as one. */
const STEP_MS = 20;

export class OwnCalls {
  #inFlight = 0;
  readonly #byDigest = new Map<string, number>();
  /** How many there were from a time on, oldest first. */
  readonly #history: { at: number; inFlight: number }[] = [];

  begin(digest: string, now: number): void {
    this.#change(digest, 1, now);
  }

  end(digest: string, now: number): void {
    this.#change(digest, -1, now);
  }

  /** Whether one of this version is under way: the node has it, or is fetching it. */
  has(digest: string): boolean {
    return this.#byDigest.has(digest);
  }

  /** What the node has to do now: what it reported of others' calls, and ours. */
  pending(reported: number, reportedAt: number): number {
    return Math.max(0, reported - this.#inFlightAt(reportedAt)) + this.#inFlight;
  }

  #change(digest: string, by: 1 | -1, now: number): void {
    this.#inFlight += by;
    const ofDigest = (this.#byDigest.get(digest) ?? 0) + by;
    if (ofDigest > 0) this.#byDigest.set(digest, ofDigest);
    else this.#byDigest.delete(digest);
    const last = this.#history.at(-1);
    if (last && now - last.at < STEP_MS) last.inFlight = this.#inFlight;
    else this.#history.push({ at: now, inFlight: this.#inFlight });
    while (this.#history.length > 1 && (this.#history[1]?.at ?? now) < now - KEPT_MS) this.#history.shift();
  }

  #inFlightAt(time: number): number {
    return this.#history.findLast(({ at }) => at <= time)?.inFlight ?? 0;
  }
}
