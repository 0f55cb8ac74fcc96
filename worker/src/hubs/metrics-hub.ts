/** What the versions of one model have done, summed over all isolates: one Durable Object a model. */
import { DurableObject } from 'cloudflare:workers';
import type { Env } from '../env.ts';
import { addCounts, type Counts, noCounts, type VersionCounts } from './counts.ts';

export class MetricsHub extends DurableObject<Env> {
  #isForgotten = false;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    state.storage.sql.exec('CREATE TABLE IF NOT EXISTS counts (version INTEGER PRIMARY KEY, counts TEXT NOT NULL)');
  }

  /** Adds what an isolate counted since it last did. */
  add(counted: VersionCounts[]): void {
    if (this.#isForgotten) return;
    const { sql } = this.ctx.storage;
    for (const { version, counts } of counted) {
      const sum = this.#read(version) ?? noCounts();
      addCounts(sum, counts);
      sql.exec('INSERT OR REPLACE INTO counts (version, counts) VALUES (?, ?)', version, JSON.stringify(sum));
    }
  }

  /** By version, in order. */
  list(): VersionCounts[] {
    if (this.#isForgotten) return [];
    const rows = this.ctx.storage.sql.exec<{ version: number; counts: string }>(
      'SELECT version, counts FROM counts ORDER BY version',
    );
    return [...rows].map(({ version, counts }) => ({ version, counts: JSON.parse(counts) as Counts }));
  }

  /** The model was deleted. */
  async forget(): Promise<void> {
    this.#isForgotten = true;
    await this.ctx.storage.deleteAll();
  }

  #read(version: number): Counts | undefined {
    const [row] = this.ctx.storage.sql.exec<{ counts: string }>('SELECT counts FROM counts WHERE version = ?', version);
    return row && JSON.parse(row.counts);
  }
}
