/** The calls an isolate has under way on one node, and how many it had a moment ago. Pure: the clock is handed in. */

/** Longer than any call. Of one whose caller went away nothing may be heard any more: Workers ends its request there and then. */
const MAX_CALL_MS = 90_000;
/** Longer than a report takes to come here. */
const KEPT_MS = 10_000;
/** Changes closer together than this count as one. */
const STEP_MS = 20;

export interface Call {
  readonly digest: string;
  readonly begunAt: number;
}

export class OwnCalls {
  /** Under way, oldest first. */
  readonly #calls = new Set<Call>();
  readonly #byDigest = new Map<string, number>();
  /** How many there were from a time on, oldest first. */
  readonly #history: { at: number; inFlight: number }[] = [];

  begin(digest: string, now: number): Call {
    this.#forgetDead(now);
    const call = { digest, begunAt: now };
    this.#calls.add(call);
    this.#change(digest, 1, now);
    return call;
  }

  end(call: Call, now: number): void {
    if (this.#calls.delete(call)) this.#change(call.digest, -1, now);
  }

  /** Whether one of this version is under way: the node has it, or is fetching it. */
  has(digest: string): boolean {
    return this.#byDigest.has(digest);
  }

  /** What the node has to do now: what it reported of others' calls, and ours. */
  pending(reported: number, reportedAt: number, now: number): number {
    this.#forgetDead(now);
    return Math.max(0, reported - this.#inFlightAt(reportedAt)) + this.#calls.size;
  }

  #forgetDead(now: number): void {
    for (const call of this.#calls) {
      if (call.begunAt >= now - MAX_CALL_MS) return;
      this.end(call, now);
    }
  }

  #change(digest: string, by: 1 | -1, now: number): void {
    const ofDigest = (this.#byDigest.get(digest) ?? 0) + by;
    if (ofDigest > 0) this.#byDigest.set(digest, ofDigest);
    else this.#byDigest.delete(digest);
    const last = this.#history.at(-1);
    if (last && now - last.at < STEP_MS) last.inFlight = this.#calls.size;
    else this.#history.push({ at: now, inFlight: this.#calls.size });
    while (this.#history.length > 1 && (this.#history[1]?.at ?? now) < now - KEPT_MS) this.#history.shift();
  }

  #inFlightAt(time: number): number {
    return this.#history.findLast(({ at }) => at <= time)?.inFlight ?? 0;
  }
}
