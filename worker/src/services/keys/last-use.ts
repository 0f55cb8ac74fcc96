/** Writes when a key was last used: seldom, many at once, and never while a request waits for it. */
import { sql } from 'drizzle-orm';
import { LRUCache } from 'lru-cache';
import type { WaitUntil } from '../../cache/single-flight.ts';
import type { Database } from '../../db/database.ts';

/** A key is written at most once in this time by an isolate. */
const EVERY_MS = 60_000;
/** How long uses are gathered for one write. */
const GATHER_MS = 500;
/** A write that has not ended by then died with the request that started it: the next use starts another. */
const LOST_AFTER_MS = 30_000;

export class LastUse {
  readonly #db: Database;
  readonly #now: () => number;
  readonly #noted = new LRUCache<string, number>({ max: 10_000 });
  readonly #waiting = new Map<string, number>();
  /** When the write under way was begun. */
  #writingSince = Number.NEGATIVE_INFINITY;

  constructor(db: Database, now: () => number) {
    this.#db = db;
    this.#now = now;
  }

  /** A key was used now. Costs a look-up; throws nothing. */
  note(keyId: string, waitUntil: WaitUntil): void {
    const now = this.#now();
    if (now - (this.#noted.get(keyId) ?? Number.NEGATIVE_INFINITY) < EVERY_MS) return;
    this.#noted.set(keyId, now);
    this.#waiting.set(keyId, now);
    if (now - this.#writingSince < LOST_AFTER_MS) return;
    this.#writingSince = now;
    waitUntil(this.#write());
  }

  /** Until none is waiting; a write that fails is given up, the next minute's use tries again. */
  async #write(): Promise<void> {
    try {
      while (this.#waiting.size > 0) {
        await new Promise((resolve) => setTimeout(resolve, GATHER_MS));
        const uses = JSON.stringify([...this.#waiting]);
        this.#waiting.clear();
        await this.#db.run(sql`UPDATE api_keys SET last_used_at = MAX(COALESCE(last_used_at, 0), used.at)
          FROM (SELECT value ->> 0 AS id, value ->> 1 AS at FROM json_each(${uses})) AS used
          WHERE api_keys.id = used.id`);
      }
    } catch {
      // Nothing depends on it.
    } finally {
      this.#writingSince = Number.NEGATIVE_INFINITY;
    }
  }
}
