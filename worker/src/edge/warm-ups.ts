/** Which sessions are to be made ahead: each once in a while, be it that it fails, or is given up for others again. Pure: the clock is handed in. */
import { LRUCache } from 'lru-cache';

/** A load costs all others of an isolate its time. */
const EVERY_MS = 10_000;
const MAX_REMEMBERED = 1_000;

export class WarmUps {
  readonly #now: () => number;
  readonly #begunAt = new LRUCache<string, number>({ max: MAX_REMEMBERED });

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Whether it is to be made now; then it counts as begun. */
  begin(digest: string): boolean {
    const begunAt = this.#begunAt.get(digest);
    if (begunAt !== undefined && this.#now() < begunAt + EVERY_MS) return false;
    this.#begunAt.set(digest, this.#now());
    return true;
  }
}
