/** The books of one key's quota and usage: a Durable Object a key, asked by isolates. */
import { DurableObject } from 'cloudflare:workers';
import type { DayUsage } from '@lepton-edge/protocol';
import type { Env } from '../env.ts';
import { DAY_MS, dateOf } from '../quotas/days.ts';
import { Ledger, type LedgerState } from '../quotas/ledger.ts';
import { type Answer, type Ask, noUsage, type UsageCounts } from '../quotas/terms.ts';

const KEEP_USAGE_DAYS = 400;

export class QuotaLedger extends DurableObject<Env> {
  readonly #ledger: Ledger;
  #hasTables = false;
  #hasAlarm = false;

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const [row] = this.#sql().exec<{ state: string }>('SELECT state FROM books');
    this.#ledger = new Ledger(() => Date.now(), row && (JSON.parse(row.state) as LedgerState));
  }

  /** Undefined for an ask that a later one of the same isolate has overtaken. */
  async exchange(ask: Ask): Promise<Answer | undefined> {
    const exchanged = this.#ledger.exchange(ask);
    if (!exchanged) return undefined;
    if (exchanged.isToStore) {
      // The answer leaves when this is stored: nothing is granted again after a restart.
      const text = JSON.stringify(this.#ledger.state());
      this.#sql().exec('INSERT OR REPLACE INTO books (id, state) VALUES (0, ?)', text);
    }
    const { requests, units } = exchanged.used;
    if (requests !== 0 || units !== 0) await this.count({ requests, computeUnits: units });
    return exchanged.answer;
  }

  /** Adds to today's usage. */
  async count(counted: Partial<UsageCounts>): Promise<void> {
    const { requests, refused, computeUnits } = { ...noUsage(), ...counted };
    this.#sql().exec(
      `INSERT INTO usage (date, requests, refused, compute_units) VALUES (?, ?, ?, ?) ON CONFLICT (date) DO UPDATE SET
        requests = requests + excluded.requests, refused = refused + excluded.refused,
        compute_units = compute_units + excluded.compute_units`,
      dateOf(Date.now()),
      requests,
      refused,
      computeUnits,
    );
    if (this.#hasAlarm) return;
    this.#hasAlarm = true;
    const { storage } = this.ctx;
    if ((await storage.getAlarm()) === null) await storage.setAlarm(Date.now() + KEEP_USAGE_DAYS * DAY_MS);
  }

  /** The days from `from` to `to` on which something was counted, in order. */
  usage(from: string, to: string): DayUsage[] {
    return this.#sql()
      .exec<Record<keyof DayUsage, string & number>>(
        'SELECT date, requests, refused, compute_units AS computeUnits FROM usage WHERE date BETWEEN ? AND ? ORDER BY date',
        from,
        to,
      )
      .toArray();
  }

  /** What is too old goes; a key that was not used for so long leaves nothing. */
  override async alarm(): Promise<void> {
    const { storage } = this.ctx;
    const oldest = dateOf(Date.now() - KEEP_USAGE_DAYS * DAY_MS);
    this.#sql().exec('DELETE FROM usage WHERE date < ?', oldest);
    const [first] = this.#sql().exec<{ date: string }>('SELECT date FROM usage ORDER BY date LIMIT 1');
    this.#hasAlarm = first !== undefined;
    if (first) return await storage.setAlarm(Date.parse(first.date) + (KEEP_USAGE_DAYS + 1) * DAY_MS);
    this.#hasTables = false;
    await storage.deleteAll();
  }

  #sql(): SqlStorage {
    const { sql } = this.ctx.storage;
    if (this.#hasTables) return sql;
    this.#hasTables = true;
    sql.exec('CREATE TABLE IF NOT EXISTS books (id INTEGER PRIMARY KEY, state TEXT NOT NULL)');
    sql.exec(`CREATE TABLE IF NOT EXISTS usage (date TEXT PRIMARY KEY, requests INTEGER NOT NULL, refused INTEGER NOT NULL,
      compute_units INTEGER NOT NULL)`);
    return sql;
  }
}
