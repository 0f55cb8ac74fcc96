/** How calls of one version on one node have gone. Pure: the clock is handed in. */
import type { LeptonError } from '@lepton-edge/protocol';
import type { Call } from './own-calls.ts';
import { DECAY_MS, PeakEwma } from './peak-ewma.ts';

/** So long a node that had no room is passed over: where it is not at work, unless it answers before. */
const FULL_MS = 250;
/** More teams than that are not remembered to have filled one node with one version. */
const MAX_TEAMS = 100;
/** Calls that follow one another sooner are one silence, where none is answered. */
const PAUSE_MS = 1_000;
/** A node that is silent for longer is not heard by the hub either; where it is, the silence is of the calls. */
const MAX_SILENCE_MS = 8_000;

/** Whose request it is, and how large: in elements or characters, always the same for one version. */
export interface Asker {
  team: string;
  size: number;
}

interface Full {
  until: number;
  /** Of the team's calls, that were there when it said so. */
  calls: number;
  /** Of the smallest that it said so to: there may be room for a smaller one. */
  size: number;
  error: LeptonError;
}

export class VersionWork {
  /** Under way, oldest first. */
  readonly calls = new Set<Call>();
  /** When a call ended last, in whichever way. */
  endedAt = 0;
  /** When one was done last: the version was there. */
  workedAt: number | undefined;
  readonly #delay = new PeakEwma();
  #isDelayKnown = false;
  #silentSince: number | undefined;
  #awayUntil = 0;
  /** By team: of each a node takes so many requests at a time. */
  readonly #full = new Map<string, Full>();

  /** Since when calls are under way; undefined where none is. */
  get calledSince(): number | undefined {
    for (const { begunAt } of this.calls) return begunAt;
    return undefined;
  }

  /** How much longer answers take than what waits before them; undefined where none was seen. */
  delayMs(now: number): number | undefined {
    return this.#isDelayKnown ? this.#delay.at(now) : undefined;
  }

  /** For how long calls have been under way and none was answered. */
  silentMs(now: number): number {
    if (this.#silentSince === undefined) return 0;
    const ms = now - this.#silentSince;
    return ms <= MAX_SILENCE_MS ? ms : MAX_SILENCE_MS * Math.exp((MAX_SILENCE_MS - ms) / DECAY_MS);
  }

  /** Whether it would probably say that it has no room for a request. */
  isFull(asker: Asker, now: number): boolean {
    return this.#awayUntil > now || this.refusal(asker, now) !== undefined;
  }

  /**
   * What it would say to a request: what it said a moment ago to the team, of whose calls from here as many are there still. With none
   * there, nobody here would see room come.
   */
  refusal({ team, size }: Asker, now: number): LeptonError | undefined {
    const full = this.#full.get(team);
    if (!full) return undefined;
    if (full.until <= now) this.#full.delete(team);
    const isSo = full.until > now && size >= full.size && this.#callsOf(team) >= Math.max(1, full.calls);
    return isSo ? full.error : undefined;
  }

  #callsOf(team: string): number {
    let count = 0;
    for (const call of this.calls) if (call.team === team) count++;
    return count;
  }

  /** A call is about to begin. */
  begin(now: number): void {
    if (this.calls.size === 0 && now - this.endedAt > PAUSE_MS) this.#silentSince = undefined;
    this.#silentSince ??= now;
  }

  /** There was an answer, whatever it said. */
  answered(now: number): void {
    this.#silentSince = this.calls.size > 0 ? now : undefined;
    this.#awayUntil = 0;
  }

  /** @param isWarm whether the version was there: what a load took says nothing of the next call */
  worked(delayMs: number, isWarm: boolean, now: number): void {
    this.workedAt = now;
    if (!isWarm) return;
    this.#isDelayKnown = true;
    this.#delay.observe(delayMs, now);
  }

  /** A call was given up after so long, or later: it counts as long as all have been silent. */
  abandoned(delayMs: number, now: number): void {
    this.#isDelayKnown = true;
    this.#delay.atLeast(Math.max(delayMs, this.silentMs(now)), now);
  }

  /** It does not work now. */
  away(now: number): void {
    this.#awayUntil = now + FULL_MS;
  }

  /** It said that it has no room for a request. */
  full({ team, size }: Asker, error: LeptonError, now: number): void {
    const last = this.#full.get(team);
    const known = last && last.until > now ? last : undefined;
    if (!last && this.#full.size >= MAX_TEAMS) this.#full.clear();
    // By then it is asked anew, however often it says so: others may have left it.
    const until = known?.until ?? now + FULL_MS;
    const smallest = Math.min(size, known?.size ?? size);
    this.#full.set(team, { until, calls: this.#callsOf(team), size: smallest, error });
  }
}
