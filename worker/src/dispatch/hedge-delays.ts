/**
 * After how long a call of a version is made a second time elsewhere: when nineteen of twenty have been answered (Dean and Barroso,
 * "The tail at scale", 2013). Pure.
 */
import { QuantileWindow } from './quantile-window.ts';

const QUANTILE = 0.95;
const MAX_VERSIONS = 256;

export class HedgeDelays {
  /** The one that was added first comes first. */
  readonly #windows = new Map<string, QuantileWindow>();

  /** A call of a version was answered after so long. */
  observe(digest: string, ms: number): void {
    const window = this.#windows.get(digest) ?? new QuantileWindow(QUANTILE);
    window.observe(ms);
    if (!this.#windows.has(digest) && this.#windows.size >= MAX_VERSIONS) {
      for (const [first] of this.#windows) {
        this.#windows.delete(first);
        break;
      }
    }
    this.#windows.set(digest, window);
  }

  /** In ms; undefined until enough calls were answered. */
  of(digest: string): number | undefined {
    return this.#windows.get(digest)?.value;
  }
}
