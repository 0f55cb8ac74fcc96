/** What an isolate holds of a key's quota, and what it has used and not told yet. Pure arithmetic; the clock is handed in. */
import {
  type Answer,
  type Ask,
  DIMENSIONS,
  type Dimension,
  type Limits,
  type Need,
  nothing,
  type Standing,
} from './terms.ts';

/** Shorter than at the ledger, so that what is used at the end is told before the lease lapses there. */
const LEASE_MS = 1_500;
/** A request that has not shown for so long that it is under way is gone, with all its code. */
const GONE_MS = 3_000;

const PACE_OVER_MS = 1_000;

/** The place of one request that is under way. */
export interface Place {
  aliveAt: number;
}

export class Lease {
  limits: Limits;
  readonly #now: () => number;
  readonly #newSession: () => string;
  #session: string;
  #number = 0;
  /** Of leases, since the session began. */
  #spent = nothing();
  #back = nothing();
  #told = { spent: nothing(), back: nothing() };
  /** Whether there was a request since the last ask. */
  #isUsed = false;
  /** What was used in the second that began at `since`, and in the one before. */
  #pace = { since: 0, now: nothing(), before: nothing() };
  /** What may be used still; of `concurrent` the places that are not in use. */
  #left = nothing();
  #until = 0;
  readonly #places = new Set<Place>();
  readonly #standing = new Map<Dimension, Standing & { at: number }>();

  constructor(limits: Limits, newSession: () => string, now: () => number) {
    this.limits = limits;
    this.#newSession = newSession;
    this.#session = newSession();
    this.#now = now;
  }

  /** Uses what is needed, where there is room for all of it. */
  take(need: Need, place?: Place): boolean {
    this.#lapse();
    if (!DIMENSIONS.every((dimension) => (need[dimension] ?? 0) <= this.#left[dimension])) return false;
    for (const dimension of DIMENSIONS) this.#left[dimension] -= need[dimension] ?? 0;
    this.count(need, place);
    return true;
  }

  /** Counts what was let pass, whether there was room or not. */
  count(need: Need, place?: Place): void {
    this.#spent.requests += need.requests ?? 0;
    this.#spent.units += need.units ?? 0;
    this.granted(need, place);
  }

  /** The ledger has counted it. */
  granted(need: Need, place?: Place): void {
    this.#isUsed = true;
    this.#rollPace();
    this.#pace.now.requests += need.requests ?? 0;
    this.#pace.now.units += need.units ?? 0;
    if (place) this.keep(place);
  }

  /** A request is under way. */
  keep(place: Place): void {
    place.aliveAt = this.#now();
    this.#places.add(place);
  }

  /** A request is over: another one here may have its place. @returns whether the ledger is to know at once instead */
  leave(place: Place): boolean {
    this.#lapse();
    if (!this.#places.delete(place)) return false;
    if (this.#until <= this.#now()) return true;
    this.#left.concurrent += 1;
    return false;
  }

  /** Places that nobody has taken again go back with the next ask. @returns whether there are any */
  giveUpPlaces(): boolean {
    if (this.#left.concurrent === 0) return false;
    this.#left.concurrent = 0;
    return true;
  }

  /** Counts as not used what was; what is below 0 was used beside it. */
  giveBack({ requests = 0, units = 0 }: Need): void {
    this.#back.requests += Math.max(0, requests);
    this.#back.units += Math.max(0, units);
    this.#spent.requests += Math.max(0, -requests);
    this.#spent.units += Math.max(0, -units);
  }

  /** Whether what is left of a dimension is less than what was used since that was told. */
  isRunningOut(need: Need): boolean {
    return DIMENSIONS.some(
      (dimension) => need[dimension] && this.#left[dimension] < this.#spent[dimension] - this.#told.spent[dimension],
    );
  }

  /** Nothing is held, and nothing is to be told. */
  isIdle(): boolean {
    this.#lapse();
    const { spent, back } = this.#told;
    const isTold = (dimension: Dimension) =>
      this.#spent[dimension] === spent[dimension] && this.#back[dimension] === back[dimension];
    return DIMENSIONS.every(isTold) && this.#isEmpty();
  }

  /** What nobody used since the last ask goes back with the next one. */
  giveUpUnused(): void {
    if (!this.#isUsed) this.#left = nothing();
  }

  /** Begins an ask; where requests wait, what is left is put together with what is free at the ledger. */
  ask(needs: readonly Need[]): Ask {
    const gone = this.#now() - GONE_MS;
    for (const place of this.#places) if (place.aliveAt < gone) this.#places.delete(place);
    this.#lapse();
    if (needs.length > 0) this.#left = nothing();
    this.#number += 1;
    this.#isUsed = false;
    this.#rollPace();
    const { now, before } = this.#pace;
    return {
      session: this.#session,
      number: this.#number,
      limits: this.limits,
      spent: { ...this.#spent },
      back: { ...this.#back },
      told: this.#told,
      holds: { ...this.#left, concurrent: this.#left.concurrent + this.#places.size },
      pace: {
        requests: Math.max(now.requests, before.requests),
        concurrent: 0,
        units: Math.max(now.units, before.units),
      },
      needs,
      closes: needs.length === 0 && this.#isEmpty(),
    };
  }

  /** @returns whether the answer is that to the last ask: an earlier one comes too late */
  learn(ask: Ask, answer: Answer, askedAt: number): boolean {
    if (ask.number !== this.#number || ask.session !== this.#session) return false;
    const at = this.#now();
    for (const dimension of DIMENSIONS) {
      this.#left[dimension] += answer.lease[dimension];
      const standing = answer.standing[dimension];
      if (standing) this.#standing.set(dimension, { ...standing, at });
    }
    this.#until = askedAt + LEASE_MS;
    this.#told = { spent: ask.spent, back: ask.back };
    if (ask.closes) this.#beginAnew();
    return true;
  }

  /** How things stand as far as this isolate knows; its own lease counts as free. */
  standing(): (Standing & { dimension: Dimension })[] {
    const now = this.#now();
    return DIMENSIONS.flatMap((dimension) => {
      const known = this.#standing.get(dimension);
      const limit = this.limits[dimension];
      if (!known || limit === undefined) return [];
      const free = Math.min(limit, known.free + this.#left[dimension]);
      const resetMs = known.resetMs === undefined ? undefined : Math.max(1, known.at + known.resetMs - now);
      return [{ dimension, limit, free, resetMs }];
    });
  }

  #rollPace(): void {
    const at = this.#now();
    const passedMs = at - this.#pace.since;
    if (passedMs < PACE_OVER_MS) return;
    this.#pace = { since: at, now: nothing(), before: passedMs < 2 * PACE_OVER_MS ? this.#pace.now : nothing() };
  }

  #isEmpty(): boolean {
    return this.#places.size === 0 && DIMENSIONS.every((dimension) => this.#left[dimension] === 0);
  }

  #lapse(): void {
    if (this.#until <= this.#now()) this.#left = nothing();
  }

  #beginAnew(): void {
    for (const dimension of DIMENSIONS) {
      this.#spent[dimension] -= this.#told.spent[dimension];
      this.#back[dimension] -= this.#told.back[dimension];
    }
    this.#session = this.#newSession();
    this.#number = 0;
    this.#told = { spent: nothing(), back: nothing() };
  }
}
