/** What took the place of what: a caller may have been told a digest that has been replaced since. */
import { LRUCache } from 'lru-cache';

/** Longer than a request takes. */
const REMEMBERED_MS = 5 * 60_000;
const REMEMBERED = 1_000;

export class Successors {
  readonly #byName = new LRUCache<string, string>({ max: REMEMBERED, ttl: REMEMBERED_MS });

  /** @param name `name@3` */
  replaced(name: string, before: string, now: string): void {
    this.#byName.set(`${name} ${before}`, now);
    // It may come back: then it has no successor any more.
    this.#byName.delete(`${name} ${now}`);
  }

  /** What stands in the digest's place now; itself where nothing has replaced it. */
  latest(name: string, digest: string): string {
    let latest = digest;
    for (;;) {
      const next = this.#byName.get(`${name} ${latest}`);
      if (next === undefined) return latest;
      latest = next;
    }
  }
}
