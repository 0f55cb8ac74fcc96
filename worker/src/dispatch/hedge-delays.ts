/**
 * After how long a call of a version is made a second time elsewhere: when nineteen of twenty have been answered (Dean and Barroso,
 * "The tail at scale", 2013). Pure.
 */
import { LRUCache } from 'lru-cache';
import { QuantileWindow } from './quantile-window.ts';

const QUANTILE = 0.95;
const MAX_VERSIONS = 256;

export class HedgeDelays {
  readonly #windows = new LRUCache<string, QuantileWindow>({ max: MAX_VERSIONS });

  /** A call of a version was answered after so long. */
  observe(digest: string, ms: number): void {
    const known = this.#windows.get(digest);
    const window = known ?? new QuantileWindow(QUANTILE);
    window.observe(ms);
    if (!known) this.#windows.set(digest, window);
  }

  /** In ms; undefined until enough calls were answered. */
  of(digest: string): number | undefined {
    return this.#windows.get(digest)?.value;
  }
}
