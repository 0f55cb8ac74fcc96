/** What requests of each version took lately, from the counters since the start. Pure. */
import type { LoadedModel } from '@lepton-edge/protocol';
import { allExecutions, type Statistics, type VersionCounters } from '../core/statistics.ts';
import { nameOf } from '../models/entry.ts';

/** A window is between one and two of these long. */
const WINDOW_MS = 10_000;

interface Sums {
  at: number;
  requests: number;
  requestMs: number;
  runMs: number;
}

export class RecentLatency {
  readonly #statistics: Statistics;
  /** Of each version where its last window began, and the one before. */
  readonly #marks = new Map<string, [before: Sums, last: Sums]>();

  constructor(statistics: Statistics) {
    this.#statistics = statistics;
  }

  /** To be asked for all that are loaded, every few seconds. */
  of(loaded: readonly LoadedModel[], now = performance.now()): LoadedModel[] {
    const labels = new Set(loaded.map(nameOf));
    for (const label of this.#marks.keys()) if (!labels.has(label)) this.#marks.delete(label);
    return loaded.map((model) => {
      const counters = this.#statistics.find(model.model, model.version);
      const recent = counters && this.#since(nameOf(model), sumsOf(counters, now));
      return recent ? { ...model, recent } : model;
    });
  }

  #since(label: string, sums: Sums): LoadedModel['recent'] {
    const [before, last] = this.#marks.get(label) ?? [NOTHING, { ...sums, requests: 0, requestMs: 0, runMs: 0 }];
    if (sums.at - last.at >= WINDOW_MS) this.#marks.set(label, [last, sums]);
    else this.#marks.set(label, [before, last]);
    const requests = sums.requests - before.requests;
    if (requests <= 0) return undefined;
    const per = (ms: number) => Math.round((ms / requests) * 1000) / 1000;
    return { requestMs: per(sums.runMs - before.runMs), meanMs: per(sums.requestMs - before.requestMs) };
  }
}

const NOTHING: Sums = { at: 0, requests: 0, requestMs: 0, runMs: 0 };

function sumsOf(counters: VersionCounters, at: number): Sums {
  const { success } = counters;
  return { at, requests: success.count, requestMs: success.ms, runMs: allExecutions(counters).ms };
}
