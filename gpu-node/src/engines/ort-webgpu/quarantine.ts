/** Models that end the adapter's process again and again: after some times they are no longer let in. */
import { EngineError } from '../engine.ts';

const STRIKES = 3;

export class Quarantine {
  readonly #strikes = new Map<string, { count: number; last: string }>();

  /** Counts one more end of the process. @param key of the model */
  strike(key: string, reason: string): void {
    const count = (this.#strikes.get(key)?.count ?? 0) + 1;
    this.#strikes.set(key, { count, last: reason });
  }

  /** @throws EngineError `unsupported` for a model that has been too often the end of the process */
  check(key: string): void {
    const strikes = this.#strikes.get(key);
    if (!strikes || strikes.count < STRIKES) return;
    const message = `it ended the adapter's process ${strikes.count} times and is not tried again until the node restarts; the last time ${strikes.last}`;
    throw new EngineError('unsupported', message);
  }
}
