/** What each version has done since the node started: counts and times. Pure. */
import { type ErrorCode, LeptonError } from '@lepton-edge/protocol';
import type { Execution } from './job.ts';

/** Upper bounds of the buckets of durations, in seconds: from a tiny model's run to the longest that a caller waits. */
export const BUCKETS_S = [
  0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
] as const;
/** A fleet's node sees many versions over its life: the longest unused are forgotten. */
const MAX_VERSIONS = 1000;
/** Larger batches are counted as if they were of this size. */
const MAX_SIZES = 256;
/** So long a version that is not loaded any more counts as used lately. */
const LATELY_MS = 60 * 60 * 1000;

/** How many, and the milliseconds of all together. */
export interface Total {
  count: number;
  ms: number;
}

/** Of the runs with one number of items: putting the inputs together, running, taking the outputs apart. */
interface ExecutionTotals {
  input: Total;
  run: Total;
  output: Total;
}

export interface VersionCounters {
  readonly model: string;
  readonly version: number;
  /** Answered. */
  success: Total;
  /** Of those that were answered, the items of all batches. */
  inferences: number;
  /** Failed after they had their place: wrong inputs, a model that cannot be loaded, a run that failed. */
  fail: Total;
  /** Refused before they had a place: there was none, or the answer would have been late. */
  refused: number;
  /** Waiting for the model's thread, the way there and back included. */
  queue: Total;
  /** Checking the inputs; reading and decoding the body is not counted. */
  input: Total;
  /** Of each request the whole run that it was part of. */
  run: Total;
  /** Runs of the model that answered somebody, by the number of their items. */
  readonly executions: Map<number, ExecutionTotals>;
  /** Putting the answer together; encoding it is not counted. */
  output: Total;
  /** Waiting for the model to be loaded. */
  load: Total;
  /** Answered requests by their duration: one count a bucket, and one for all that were longer. So the others. */
  buckets: number[];
  failBuckets: number[];
  queueBuckets: number[];
  /** Of runs that answered somebody. */
  runBuckets: number[];
  /** Of what was refused or failed, by the error's code. */
  readonly errors: Map<ErrorCode, number>;
  /** Milliseconds since 1970; 0 before the first answer. */
  lastInferenceMs: number;
  /** The same of the last request, whatever became of it. */
  lastUseMs: number;
}

export interface Measured {
  inferences: number;
  totalMs: number;
  queueMs: number;
  inputMs: number;
  runMs: number;
  outputMs: number;
  loadMs: number | undefined;
  /** Of the run that answered; absent for all but one of those that shared it. */
  execution?: Execution | undefined;
}

export class Statistics {
  readonly #now: () => number;
  /** By `name@version`, least recently used first. */
  readonly #versions = new Map<string, VersionCounters>();

  /** @param now milliseconds since 1970 */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  succeeded(model: string, version: number, measured: Measured): void {
    const counters = this.#of(model, version);
    const { totalMs, loadMs } = measured;
    add(counters.success, totalMs);
    counters.inferences += measured.inferences;
    add(counters.queue, measured.queueMs);
    add(counters.input, measured.inputMs);
    add(counters.run, measured.runMs);
    add(counters.output, measured.outputMs);
    if (loadMs !== undefined) add(counters.load, loadMs);
    if (measured.execution) {
      addExecution(counters.executions, measured.execution);
      sort(counters.runBuckets, measured.execution.runMs);
    }
    sort(counters.buckets, totalMs);
    sort(counters.queueBuckets, measured.queueMs);
    counters.lastInferenceMs = counters.lastUseMs;
  }

  failed(model: string, version: number, totalMs: number, error?: unknown): void {
    const counters = this.#of(model, version);
    add(counters.fail, totalMs);
    sort(counters.failBuckets, totalMs);
    countError(counters.errors, error);
  }

  refused(model: string, version: number, error?: unknown): void {
    const counters = this.#of(model, version);
    counters.refused++;
    countError(counters.errors, error);
  }

  find(model: string, version: number): VersionCounters | undefined {
    return this.#versions.get(`${model}@${version}`);
  }

  all(): VersionCounters[] {
    return [...this.#versions.values()];
  }

  /** What is loaded or was used within the hour, of very many the latest. */
  lately(isLoaded: (model: string, version: number) => boolean, max: number): VersionCounters[] {
    const since = this.#now() - LATELY_MS;
    const all = this.all().filter(({ model, version, lastUseMs }) => lastUseMs > since || isLoaded(model, version));
    return all.slice(-max);
  }

  #of(model: string, version: number): VersionCounters {
    const key = `${model}@${version}`;
    const counters = this.#versions.get(key) ?? newCounters(model, version);
    counters.lastUseMs = this.#now();
    this.#versions.delete(key);
    this.#versions.set(key, counters);
    const [oldest] = this.#versions.keys();
    if (this.#versions.size > MAX_VERSIONS && oldest !== undefined) this.#versions.delete(oldest);
    return counters;
  }
}

/** Of a version that was never asked. */
export function newCounters(model: string, version: number): VersionCounters {
  return {
    model,
    version,
    success: none(),
    inferences: 0,
    fail: none(),
    refused: 0,
    queue: none(),
    input: none(),
    run: none(),
    executions: new Map(),
    output: none(),
    load: none(),
    buckets: noBuckets(),
    failBuckets: noBuckets(),
    queueBuckets: noBuckets(),
    runBuckets: noBuckets(),
    errors: new Map(),
    lastInferenceMs: 0,
    lastUseMs: 0,
  };
}

/** Of all runs, whatever their size. */
export function allExecutions({ executions }: VersionCounters): Total {
  const all = none();
  for (const { run } of executions.values()) {
    all.count += run.count;
    all.ms += run.ms;
  }
  return all;
}

function noBuckets(): number[] {
  return Array.from({ length: BUCKETS_S.length + 1 }, () => 0);
}

function sort(buckets: number[], ms: number): void {
  const bucket = BUCKETS_S.findIndex((bound) => ms <= bound * 1000);
  const at = bucket < 0 ? BUCKETS_S.length : bucket;
  buckets[at] = (buckets[at] ?? 0) + 1;
}

function countError(errors: Map<ErrorCode, number>, error: unknown): void {
  const code = error instanceof LeptonError ? error.code : 'internal';
  errors.set(code, (errors.get(code) ?? 0) + 1);
}

function none(): Total {
  return { count: 0, ms: 0 };
}

function addExecution(executions: VersionCounters['executions'], { items, inputMs, runMs, outputMs }: Execution): void {
  const size = Math.min(items, MAX_SIZES);
  let totals = executions.get(size);
  if (!totals) {
    totals = { input: none(), run: none(), output: none() };
    executions.set(size, totals);
  }
  add(totals.input, inputMs);
  add(totals.run, runMs);
  add(totals.output, outputMs);
}

function add(total: Total, ms: number): void {
  total.count++;
  total.ms += ms;
}
