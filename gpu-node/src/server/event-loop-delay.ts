/** How late this thread comes to what it has to do, as a timer sees it. */
import { monitorEventLoopDelay } from 'node:perf_hooks';

/** The timer's own period, which Node counts in. */
const PERIOD_MS = 10;
const QUANTILES = [0.5, 0.99, 0.999, 1];

export interface Quantile {
  quantile: number;
  seconds: number;
}

export class EventLoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: PERIOD_MS });

  constructor() {
    this.#histogram.enable();
  }

  /** Since it was last read, so that what was while models were loaded does not stay for ever. */
  read(): Quantile[] {
    const quantiles = QUANTILES.map((quantile) => {
      const ms = this.#histogram.percentile(quantile * 100) / 1e6 - PERIOD_MS;
      return { quantile, seconds: Math.max(0, ms) / 1000 };
    });
    this.#histogram.reset();
    return quantiles;
  }

  stop(): void {
    this.#histogram.disable();
  }
}
