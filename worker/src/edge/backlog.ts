/** How long what waits in this isolate, or runs, will take together: by what runs were measured to take. Pure: the clock is handed in. */

/** A request that was cancelled never leaves. */
const LEAVES_WITHIN_MS = 30_000;

export class Backlog {
  readonly #now: () => number;
  /** Oldest first. */
  readonly #entries = new Set<{ ms: number; since: number }>();
  #ms = 0;

  constructor(now: () => number) {
    this.#now = now;
  }

  get ms(): number {
    for (const entry of this.#entries) {
      if (this.#now() - entry.since <= LEAVES_WITHIN_MS) break;
      this.#leave(entry);
    }
    return this.#ms;
  }

  /** @returns to be called when it has run */
  enter(ms: number): () => void {
    const entry = { ms, since: this.#now() };
    this.#entries.add(entry);
    this.#ms += ms;
    return () => this.#leave(entry);
  }

  #leave(entry: { ms: number; since: number }): void {
    if (!this.#entries.delete(entry)) return;
    this.#ms = this.#entries.size === 0 ? 0 : this.#ms - entry.ms;
  }
}
