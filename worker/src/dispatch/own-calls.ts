/** The calls an isolate has under way on one node, and how many it had a moment ago. Pure: the clock is handed in. */

/** Longer than any call. Of one whose caller went away nothing may be heard any more: Workers ends its request there and then. */
const MAX_CALL_MS = 90_000;
/** Longer than a report takes to come here. */
const KEPT_MS = 10_000;
/** Changes closer together than this count as one. */
const STEP_MS = 20;

export interface Call {
  readonly begunAt: number;
  /** Whose it is. */
  readonly team: string;
  /** Those of its version that are under way, oldest first. */
  readonly among: Set<Call>;
}

export class OwnCalls {
  /** Under way, oldest first. */
  readonly #calls = new Set<Call>();
  /** How many there were from a time on, oldest first. */
  readonly #history: { at: number; inFlight: number }[] = [];
  /** What was asked for last: a report is looked at by many requests. */
  #asked = { at: Number.NaN, inFlight: 0 };

  /** @param among the calls of its version, of which it becomes one */
  begin(among: Set<Call>, team: string, now: number): Call {
    this.#forgetDead(now);
    const call = { begunAt: now, team, among };
    this.#calls.add(call);
    among.add(call);
    this.#changed(now);
    return call;
  }

  end(call: Call, now: number): void {
    if (!this.#calls.delete(call)) return;
    call.among.delete(call);
    this.#changed(now);
  }

  /** What the node has to do now: what it reported of others' calls, and ours. */
  pending(reported: number, reportedAt: number, now: number): number {
    this.#forgetDead(now);
    if (this.#asked.at !== reportedAt) this.#asked = { at: reportedAt, inFlight: this.#inFlightAt(reportedAt) };
    return Math.max(0, reported - this.#asked.inFlight) + this.#calls.size;
  }

  #forgetDead(now: number): void {
    for (const call of this.#calls) {
      if (call.begunAt >= now - MAX_CALL_MS) return;
      this.end(call, now);
    }
  }

  #changed(now: number): void {
    const last = this.#history.at(-1);
    if (last && now - last.at < STEP_MS) last.inFlight = this.#calls.size;
    else this.#history.push({ at: now, inFlight: this.#calls.size });
    while (this.#history.length > 1 && (this.#history[1]?.at ?? now) < now - KEPT_MS) this.#history.shift();
  }

  #inFlightAt(time: number): number {
    return this.#history.findLast(({ at }) => at <= time)?.inFlight ?? 0;
  }
}
