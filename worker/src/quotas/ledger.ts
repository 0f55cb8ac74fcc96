/**
 * The books of one key: what was used in the last minute, what isolates have leased, and what is left to grant. Pure: the clock is
 * handed in. What is used and leased together never exceeds a limit, unless the limit was lowered or an isolate tells of what it
 * used after its lease had lapsed; then nothing is granted until it fits again.
 */
import {
  type Amounts,
  type Answer,
  type Ask,
  DIMENSIONS,
  type Dimension,
  LAPSE_MS,
  LEASED_FROM,
  type Limits,
  type Need,
  nothing,
  type Refusal,
  type Standing,
  WINDOW_MS,
} from './terms.ts';
import { type Entry, SlidingWindow } from './window.ts';

/** A lease is at most what may be used in so long a part of a minute, and of what is left. */
const LEASE_OF_LIMIT = 30;
const LEASE_OF_FREE = 8;
/** A place may be free at any moment: it is worth trying again soon. */
const PLACE_RETRY_MS = 1_000;
/** Places alone are stored no more often: they lapse by themselves soon. */
const STORE_PLACES_EVERY_MS = 1_000;

/** Places are not: an isolate uses those again that come free in it. */
const LEASED = ['requests', 'units'] as const;

interface Session {
  number: number;
  spent: Amounts;
  back: Amounts;
  holds: Amounts;
  expiresAt: number;
}

/** As it is stored: JSON. */
export interface LedgerState {
  storedAt: number;
  limits: Limits | undefined;
  requests: Entry[];
  units: Entry[];
  sessions: [string, Session][];
}

export class Ledger {
  readonly #now: () => number;
  readonly #windows: Record<'requests' | 'units', SlidingWindow>;
  readonly #sessions: Map<string, Session>;
  #limits: Limits | undefined;
  #storedAt: number;
  /** Before, isolates may have places that were not stored. */
  readonly #placesKnownFrom: number;

  constructor(now: () => number, state?: LedgerState) {
    this.#now = now;
    this.#limits = state?.limits;
    this.#storedAt = state?.storedAt ?? Number.NEGATIVE_INFINITY;
    this.#placesKnownFrom = this.#storedAt + STORE_PLACES_EVERY_MS + LAPSE_MS;
    this.#windows = { requests: new SlidingWindow(state?.requests), units: new SlidingWindow(state?.units) };
    this.#sessions = new Map(state?.sessions);
  }

  /** What is to be stored now, so that nothing is granted again after a restart. */
  state(): LedgerState {
    const { requests, units } = this.#windows;
    this.#storedAt = this.#now();
    return {
      storedAt: this.#storedAt,
      limits: this.#limits,
      requests: [...requests.entries],
      units: [...units.entries],
      sessions: [...this.#sessions],
    };
  }

  /** @returns also what was used since the last ask, and whether the state is to be stored; undefined for an ask that was overtaken */
  exchange(ask: Ask): { answer: Answer; used: Amounts; isToStore: boolean } | undefined {
    const now = this.#now();
    if (!this.#limits || ask.limits.setAt >= this.#limits.setAt) this.#limits = ask.limits;
    for (const [id, { expiresAt }] of this.#sessions) if (expiresAt + WINDOW_MS <= now) this.#sessions.delete(id);
    const session = this.#sessions.get(ask.session) ?? { number: -1, ...ask.told, holds: nothing(), expiresAt: 0 };
    if (ask.number <= session.number) return undefined;
    const used = nothing();
    const isNews = LEASED.some(
      (each) => ask.spent[each] !== session.spent[each] || ask.back[each] !== session.back[each],
    );
    for (const dimension of LEASED) {
      this.#use(dimension, ask.spent[dimension] - session.spent[dimension], used);
      this.#takeBack(dimension, ask.back[dimension] - session.back[dimension], used);
    }
    Object.assign(session, {
      number: ask.number,
      spent: ask.spent,
      back: ask.back,
      holds: { ...ask.holds },
      expiresAt: now + LAPSE_MS,
    });
    this.#sessions.set(ask.session, session);
    const refusals = ask.needs.map((need) => this.#grant(need, session, used));
    const lease = nothing();
    if (!ask.closes) {
      for (const dimension of LEASED) {
        lease[dimension] = this.#lease(dimension, session, Math.max(used[dimension], ask.pace[dimension]));
      }
    }
    const { holds, spent, back } = session;
    const isEmpty = DIMENSIONS.every((dimension) => holds[dimension] + spent[dimension] + back[dimension] === 0);
    if (ask.closes || isEmpty) this.#sessions.delete(ask.session);
    const isToStore =
      isNews ||
      LEASED.some((dimension) => used[dimension] !== 0 || lease[dimension] !== 0) ||
      now - this.#storedAt >= STORE_PLACES_EVERY_MS;
    return { answer: { refusals, lease, standing: this.#standing() }, used, isToStore };
  }

  #use(dimension: 'requests' | 'units', amount: number, used: Amounts): void {
    this.#windows[dimension].add(amount, this.#now());
    used[dimension] += amount;
  }

  #takeBack(dimension: 'requests' | 'units', amount: number, used: Amounts): void {
    this.#windows[dimension].takeBack(amount, this.#now());
    used[dimension] -= amount;
  }

  #grant(need: Need, session: Session, used: Amounts): Refusal | null {
    const needed = DIMENSIONS.filter((dimension) => need[dimension]);
    const refusals = needed.flatMap((dimension) => this.#refuse(dimension, need[dimension] ?? 0) ?? []);
    // Of several the one that takes longest to pass: whoever waits for it has the others, too.
    const [refusal] = refusals.sort(
      (a, b) => (b.waitMs ?? Number.POSITIVE_INFINITY) - (a.waitMs ?? Number.POSITIVE_INFINITY),
    );
    if (refusal) return refusal;
    for (const dimension of needed) {
      const amount = need[dimension] ?? 0;
      if (dimension === 'concurrent') {
        session.holds.concurrent += amount;
        used.concurrent += amount;
      } else this.#use(dimension, amount, used);
    }
    return null;
  }

  #refuse(dimension: Dimension, amount: number): Refusal | undefined {
    if (amount <= this.#free(dimension)) return undefined;
    return { dimension, waitMs: this.#waitMs(dimension, amount) };
  }

  /** As much again as was used of late, within bounds: who uses little holds little. */
  #lease(dimension: (typeof LEASED)[number], session: Session, used: number): number {
    const limit = this.#limits?.[dimension];
    if (limit === undefined || limit < LEASED_FROM) return 0;
    const most = Math.min(Math.floor(limit / LEASE_OF_LIMIT), Math.floor(this.#free(dimension) / LEASE_OF_FREE));
    const lease = Math.max(0, Math.min(most, 2 * used) - session.holds[dimension]);
    session.holds[dimension] += lease;
    return lease;
  }

  #free(dimension: Dimension): number {
    const now = this.#now();
    const limit = this.#limits?.[dimension] ?? Number.POSITIVE_INFINITY;
    if (dimension === 'concurrent' && now < this.#placesKnownFrom) return 0;
    let taken = dimension === 'concurrent' ? 0 : this.#windows[dimension].sum(now);
    for (const { holds, expiresAt } of this.#sessions.values()) if (expiresAt > now) taken += holds[dimension];
    return Math.max(0, limit - taken);
  }

  /** Leases count as if they were used at their very end. */
  #waitMs(dimension: Dimension, amount: number): number | undefined {
    const now = this.#now();
    const limit = this.#limits?.[dimension];
    if (limit !== undefined && amount > limit) return undefined;
    if (dimension === 'concurrent') return PLACE_RETRY_MS;
    const leased = [...this.#sessions.values()]
      .filter(({ holds, expiresAt }) => expiresAt > now && holds[dimension] > 0)
      .map(({ holds, expiresAt }) => ({ at: expiresAt + WINDOW_MS, amount: holds[dimension] }));
    const leaving = [...this.#windows[dimension].leaving(), ...leased].sort((a, b) => a.at - b.at);
    let taken = leaving.reduce((sum, entry) => sum + entry.amount, 0);
    for (const entry of leaving) {
      taken -= entry.amount;
      if ((limit ?? 0) - taken >= amount) return Math.max(1, entry.at - now);
    }
    return WINDOW_MS;
  }

  #standing(): Answer['standing'] {
    const standing: Answer['standing'] = {};
    for (const dimension of DIMENSIONS) {
      const limit = this.#limits?.[dimension];
      if (limit === undefined) continue;
      const free = this.#free(dimension);
      const [next] = dimension === 'concurrent' ? [] : this.#windows[dimension].leaving();
      standing[dimension] = { limit, free, resetMs: next && Math.max(1, next.at - this.#now()) } satisfies Standing;
    }
    return standing;
  }
}
