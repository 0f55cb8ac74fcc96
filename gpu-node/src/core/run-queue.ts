/** The requests of one model: how many may be there at a time, which of them run together, and when. */
import { LeptonError, type Tensor } from '@lepton-edge/protocol';
import { EngineError, type Instance } from '../engines/engine.ts';
import { Batch } from './batch.ts';
import type { Member } from './batch-member.ts';
import type { BatchPlan } from './batch-plan.ts';

export interface Limits {
  /** Arriving, waiting or running at a time. */
  requests: number;
  /** Of their bodies; one request alone may be larger. */
  bytes: number;
}

/** One request's place in a queue. */
export interface Place {
  /** Says how many bytes there are, where they are more than was known. @throws LeptonError `overloaded` */
  grow(bytes: number): void;
  leave(): void;
}

export interface Job {
  instance: Instance;
  /** Owned by the queue from here on. */
  inputs: readonly Tensor[];
  outputs: readonly string[];
  /** What the request counts for in statistics. */
  items: number;
  /** How it may share a run; absent where it must not. */
  batchable?: { plan: BatchPlan; member: Member } | undefined;
  signal?: AbortSignal | undefined;
}

/** One run of the model. */
export interface Execution {
  items: number;
  /** Putting the inputs of all together. */
  inputMs: number;
  runMs: number;
  /** Taking the outputs apart. */
  outputMs: number;
}

export interface Ran {
  outputs: Tensor[];
  /** Time between asking for a run and its start. */
  queuedMs: number;
  execution: Execution;
  /** True for one of those that shared the run. */
  first: boolean;
}

interface Waiting extends Job {
  askedAt: number;
  resolve(ran: Ran): void;
  reject(error: unknown): void;
}

const MAX_RETRY_AFTER_S = 30;
/** How much the latest run counts in what a request is expected to take. */
const WEIGHT = 0.2;

/** Thrown to a request whose caller went away while it waited; nobody is left to read it. */
export class CallerGone extends Error {
  override readonly name = 'CallerGone';
}

export class RunQueue {
  readonly #limits: Limits;
  readonly #now: () => number;
  #waiting: Waiting[] = [];
  #entered = 0;
  #bytes = 0;
  /** Runs, the requests on them, and their items. */
  #runs = 0;
  #running = 0;
  #runningItems = 0;
  #scheduled = false;
  #timer: NodeJS.Timeout | undefined;
  /** Of the engine's time, a request's share. */
  #msPerRequest = 0;

  constructor(limits: Limits, now: () => number = () => performance.now()) {
    this.#limits = limits;
    this.#now = now;
  }

  /** Takes a place before any work is done. @param bytes of its body, as far as known @throws LeptonError `overloaded` */
  enter(bytes = 0): Place {
    const { requests } = this.#limits;
    if (this.#entered >= requests) throw this.#overloaded(`${requests} requests`);
    this.#takeBytes(bytes);
    this.#entered++;
    let taken = bytes;
    return {
      grow: (actual) => {
        if (actual <= taken) return;
        this.#takeBytes(actual - taken);
        taken = actual;
      },
      leave: () => {
        this.#entered--;
        this.#bytes -= taken;
      },
    };
  }

  /** Whoever is alone has room. */
  #takeBytes(bytes: number): void {
    const { bytes: limit } = this.#limits;
    if (this.#bytes > 0 && this.#bytes + bytes > limit) throw this.#overloaded(`${limit} bytes of requests`);
    this.#bytes += bytes;
  }

  get entered(): number {
    return this.#entered;
  }

  get running(): number {
    return this.#running;
  }

  /**
   * Runs when its turn comes, first come, first served, together with those that wait then and fit.
   * @throws CallerGone when the signal aborts before its turn
   * @throws EngineError as the engine does
   */
  run(job: Job): Promise<Ran> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ ...job, askedAt: this.#now(), resolve, reject });
      this.#schedule();
    });
  }

  #overloaded(what: string): LeptonError {
    const seconds = Math.ceil((this.#entered * this.#msPerRequest) / 1000);
    return new LeptonError('overloaded', `${what} of this model are waiting already: try again later`, {
      retryAfterSeconds: Math.min(MAX_RETRY_AFTER_S, Math.max(1, seconds)),
    });
  }

  /** After everything that has arrived by now has been read, so that it goes together. */
  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#startNext();
    });
  }

  #startNext(): void {
    this.#dropAbandoned();
    for (;;) {
      const jobs = this.#next();
      if (!jobs) return;
      const chosen = new Set(jobs.jobs);
      this.#waiting = this.#waiting.filter((job) => !chosen.has(job));
      void this.#execute(jobs);
    }
  }

  #dropAbandoned(): void {
    if (!this.#waiting.some(({ signal }) => signal?.aborted)) return;
    this.#waiting = this.#waiting.filter(({ signal, reject }) => {
      if (signal?.aborted) reject(new CallerGone('the caller left before its turn'));
      return !signal?.aborted;
    });
  }

  /** What may be started now: the first that waits with all that fit it, or one further back while that is to wait for more. */
  #next(): Group | undefined {
    const passed = new Set<string>();
    for (const [i, job] of this.#waiting.entries()) {
      const key = job.batchable?.member.key;
      if (key !== undefined && passed.has(key)) continue;
      if (this.#runs >= job.instance.concurrency) return undefined;
      const group = groupFrom(this.#waiting, i);
      if (group.isFull) return group;
      const leftMs = job.askedAt + (job.batchable?.plan.maxDelayMs ?? 0) - this.#now();
      // A batch at the engine's door cannot grow any more: it goes there when it is as large as what runs.
      const { parallel = 1 } = job.instance;
      if (leftMs <= 0) {
        return this.#runs < parallel || group.items * parallel >= this.#runningItems ? group : undefined;
      }
      this.#wakeIn(leftMs);
      if (key !== undefined) passed.add(key);
    }
    return undefined;
  }

  #wakeIn(ms: number): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#startNext();
    }, Math.ceil(ms));
  }

  async #execute({ jobs, batch, items }: Group): Promise<void> {
    const startedAt = this.#now();
    this.#runs++;
    this.#running += jobs.length;
    this.#runningItems += items;
    try {
      if (batch) await this.#runTogether(jobs, batch, startedAt);
      else await this.#runAlone(jobs[0] as Waiting, startedAt);
    } finally {
      this.#runs--;
      this.#running -= jobs.length;
      this.#runningItems -= items;
      this.#startNext();
    }
  }

  async #runAlone(job: Waiting, startedAt: number): Promise<void> {
    const { instance, inputs, outputs, items, askedAt, resolve, reject } = job;
    try {
      const ran = await instance.run({ inputs, outputs });
      this.#measure(ran.runMs, 1);
      const execution = { items, inputMs: 0, runMs: ran.runMs, outputMs: 0 };
      resolve({ outputs: ran.outputs, queuedMs: startedAt - askedAt, execution, first: true });
    } catch (error) {
      reject(error);
    }
  }

  /** Where the model refuses a batch, each of its members is run once more, alone: at most one of them may be at fault. */
  async #runTogether(jobs: readonly Waiting[], batch: Batch, startedAt: number): Promise<void> {
    try {
      const { instance } = jobs[0] as Waiting;
      const inputs = batch.inputs();
      const inputMs = this.#now() - startedAt;
      const { outputs, runMs } = await instance.run({ inputs, outputs: batch.outputs() });
      const ranAt = this.#now();
      this.#measure(runMs, jobs.length);
      const parts = batch.split(outputs);
      if (!parts) {
        batch.plan.withdrawn = true;
        this.#again(jobs);
        return;
      }
      const execution = { items: batch.items, inputMs, runMs, outputMs: this.#now() - ranAt };
      for (const [i, { askedAt, resolve }] of jobs.entries()) {
        resolve({ outputs: parts[i] as Tensor[], queuedMs: startedAt - askedAt, execution, first: i === 0 });
      }
    } catch (error) {
      if (error instanceof EngineError && error.failure === 'refused') this.#again(jobs);
      else for (const { reject } of jobs) reject(error);
    }
  }

  #again(jobs: readonly Waiting[]): void {
    this.#waiting.unshift(...jobs.map((job) => ({ ...job, batchable: undefined })));
  }

  #measure(runMs: number, requests: number): void {
    const ms = runMs / requests;
    this.#msPerRequest = this.#msPerRequest === 0 ? ms : this.#msPerRequest * (1 - WEIGHT) + ms * WEIGHT;
  }
}

/** What would run together. */
interface Group {
  jobs: readonly Waiting[];
  /** Absent for one that runs alone. */
  batch?: Batch;
  items: number;
  /** Nothing more would fit. */
  isFull: boolean;
}

function groupFrom(waiting: readonly Waiting[], start: number): Group {
  const head = waiting[start] as Waiting;
  if (!head.batchable || head.batchable.plan.withdrawn) return { jobs: [head], items: head.items, isFull: true };
  const { plan, member } = head.batchable;
  const batch = new Batch(plan, member);
  const jobs = [head];
  for (let i = start + 1; i < waiting.length && !batch.full; i++) {
    const job = waiting[i] as Waiting;
    if (job.batchable?.plan === plan && batch.add(job.batchable.member)) jobs.push(job);
  }
  const { items, full } = batch;
  return jobs.length === 1 ? { jobs, items, isFull: full } : { jobs, batch, items, isFull: full };
}
