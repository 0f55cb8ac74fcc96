/** The words of quotas: what is limited, and what an isolate and the ledger of a key say to each other. */
import type { DayUsage } from '@lepton-edge/protocol';

/** Requests and compute units count per minute; concurrent is how many requests may be under way at a time. */
export const DIMENSIONS = ['requests', 'concurrent', 'units'] as const;
export type Dimension = (typeof DIMENSIONS)[number];

export type Amounts = Record<Dimension, number>;

/** What a key may use; a dimension that is absent has no limit. */
export interface Limits extends Partial<Amounts> {
  /** When they were set, in ms since 1970: of two the later ones count. */
  setAt: number;
}

/** What one request asks for: all of it or nothing. Of dimensions without a limit it says nothing. */
export type Need = Partial<Amounts>;

/** A minute, in which no more than the limit is used wherever it begins. */
export const WINDOW_MS = 60_000;

/** An isolate that the ledger has not heard for so long holds nothing any more. */
export const LAPSE_MS = 2_000;

/** Below this limit nothing is leased: every request is asked for. */
export const LEASED_FROM = 60;

/** What an isolate tells and asks. */
export interface Ask {
  /** Names the isolate, anew after it held nothing. */
  session: string;
  /** Grows with each ask of a session: what comes late is told from what is new. */
  number: number;
  limits: Limits;
  /** What was used of its leases since the session began; `concurrent` is 0. */
  spent: Amounts;
  /** What was taken, be it of leases or not, and not used after all. */
  back: Amounts;
  /** As much of both as it knows the ledger to have heard of, which may have forgotten the session since. */
  told: Pick<Ask, 'spent' | 'back'>;
  /** What it still has of them; of `concurrent` also the places in use. */
  holds: Amounts;
  /** What it used in a second of late. */
  pace: Amounts;
  /** Of requests that wait; those that are granted count as used. */
  needs: readonly Need[];
  /** It holds nothing and will not come back under this name. */
  closes: boolean;
}

export interface Refusal {
  dimension: Dimension;
  /** Until as much as is needed is free, if nobody else takes it; undefined: it is more than the limit. */
  waitMs: number | undefined;
}

/** How things stand with one dimension. */
export interface Standing {
  limit: number;
  /** What nobody has used or leased. */
  free: number;
  /** Until more of it is free; undefined while all is. */
  resetMs: number | undefined;
}

export interface Answer {
  /** For each need in order; null: granted. */
  refusals: (Refusal | null)[];
  /** Beside what was needed: a lease. */
  lease: Amounts;
  standing: Partial<Record<Dimension, Standing>>;
}

export function nothing(): Amounts {
  return { requests: 0, concurrent: 0, units: 0 };
}

/** What is counted of a key on a day. */
export type UsageCounts = Omit<DayUsage, 'date'>;

export function noUsage(): UsageCounts {
  return { requests: 0, refused: 0, computeUnits: 0 };
}

/** Adds `more` to `sum`, in place. */
export function addUsage(sum: UsageCounts, more: Partial<UsageCounts>): void {
  sum.requests += more.requests ?? 0;
  sum.refused += more.refused ?? 0;
  sum.computeUnits += more.computeUnits ?? 0;
}
