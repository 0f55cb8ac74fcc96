/** What is counted of a version. Pure. */

/** How often something happened, and how long it took in all. */
export interface Tally {
  count: number;
  ms: number;
}

const TALLIES = ['success', 'fail', 'run', 'hit', 'miss'] as const;

/**
 * Counts of one version. `success` and `fail` are whole requests, `run` those parts of them that ran the model, `hit` and
 * `miss` look-ups in the cache of answers.
 */
export interface Counts extends Record<(typeof TALLIES)[number], Tally> {
  /** Items that were computed: a batch of eight counts as eight. */
  inferences: number;
  /** When the last inference began, in ms since 1970; 0: never. */
  lastAt: number;
}

export interface VersionCounts {
  version: number;
  counts: Counts;
}

export function noCounts(): Counts {
  const none = () => ({ count: 0, ms: 0 });
  return { success: none(), fail: none(), run: none(), hit: none(), miss: none(), inferences: 0, lastAt: 0 };
}

/** Adds `more` to `sum`, in place. */
export function addCounts(sum: Counts, more: Partial<Counts>): void {
  for (const name of TALLIES) {
    const tally = more[name];
    if (!tally) continue;
    sum[name].count += tally.count;
    sum[name].ms += tally.ms;
  }
  sum.inferences += more.inferences ?? 0;
  sum.lastAt = Math.max(sum.lastAt, more.lastAt ?? 0);
}
