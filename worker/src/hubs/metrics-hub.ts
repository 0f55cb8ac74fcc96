/** What the versions of one model have done, summed over all isolates: one Durable Object a model. */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';

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

export class MetricsHub extends DurableObject<Env> {
  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    state.storage.sql.exec('CREATE TABLE IF NOT EXISTS counts (version INTEGER PRIMARY KEY, counts TEXT NOT NULL)');
  }

  /** Adds what an isolate counted since it last did. */
  add(counted: VersionCounts[]): void {
    const { sql } = this.ctx.storage;
    for (const { version, counts } of counted) {
      const sum = this.#read(version) ?? noCounts();
      addCounts(sum, counts);
      sql.exec('INSERT OR REPLACE INTO counts (version, counts) VALUES (?, ?)', version, JSON.stringify(sum));
    }
  }

  /** By version, in order. */
  list(): VersionCounts[] {
    const rows = this.ctx.storage.sql.exec<{ version: number; counts: string }>(
      'SELECT version, counts FROM counts ORDER BY version',
    );
    return [...rows].map(({ version, counts }) => ({ version, counts: JSON.parse(counts) as Counts }));
  }

  /** The model was deleted. */
  async forget(): Promise<void> {
    await this.ctx.storage.deleteAll();
  }

  #read(version: number): Counts | undefined {
    const [row] = this.ctx.storage.sql.exec<{ counts: string }>('SELECT counts FROM counts WHERE version = ?', version);
    return row && JSON.parse(row.counts);
  }
}
