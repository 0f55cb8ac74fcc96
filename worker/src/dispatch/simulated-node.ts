/** A node in virtual time: it works on so many requests at once, keeps others waiting, and can be slow, frozen or gone. */
import type { PoolNode } from './node-pool.ts';
import type { Simulation } from './simulation.ts';

const REPORT_MS = 2_000;
const LOST_AFTER_MS = 6_000;
const MAX_PENDING = 400;
const RECENT = 200;

export interface NodeOptions {
  /** What a request takes in the mean, in ms. */
  workMs: number;
  atOnce: number;
  isLoaded?: boolean;
  loadMs?: number;
}

type Ended = (how: 'ok' | 'busy' | 'silent') => void;

interface Job {
  ended: Ended;
  size: number;
  cameAt: number;
  isGone: boolean;
}

export class SimulatedNode {
  readonly id: string;
  loads = 0;
  readonly #simulation: Simulation;
  readonly #options: NodeOptions;
  #state: 'up' | 'down' | 'frozen' = 'up';
  #slower = 1;
  #loaded: 'no' | 'loading' | 'yes';
  #waiting: Job[] = [];
  readonly #working = new Set<Job>();
  /** What was done while it was frozen. */
  #held: (() => void)[] = [];
  readonly #recent: { workMs: number; ms: number }[] = [];
  #report: PoolNode | undefined;

  constructor(simulation: Simulation, id: string, options: NodeOptions) {
    this.id = id;
    this.#simulation = simulation;
    this.#options = options;
    this.#loaded = (options.isLoaded ?? true) ? 'yes' : 'no';
    const report = () => {
      if (this.#state === 'up') this.#report = this.#reportNow();
      simulation.after(REPORT_MS, report);
    };
    this.#report = this.#reportNow();
    simulation.at(simulation.random() * REPORT_MS, report);
  }

  /** What the hub tells of it; undefined once it was silent too long. */
  lastReport(): PoolNode | undefined {
    const report = this.#report;
    return report && this.#simulation.now - report.heardAt < LOST_AFTER_MS ? report : undefined;
  }

  become(to: 'up' | 'down' | 'frozen' | { slower: number }): void {
    if (typeof to === 'object') {
      this.#slower = to.slower;
      return;
    }
    this.#state = to;
    if (to === 'down') this.#die();
    if (to !== 'up') return;
    for (const happen of this.#held.splice(0)) happen();
    this.#start();
  }

  /** @param size of its work, as a multiple of the mean */
  accept(size: number, ended: Ended): void {
    if (this.#state === 'down') ended('silent');
    else if (this.#waiting.length + this.#working.size >= MAX_PENDING) ended('busy');
    else {
      this.#waiting.push({ ended, size, cameAt: this.#simulation.now, isGone: false });
      this.#start();
    }
  }

  #start(): void {
    if (this.#state !== 'up' || this.#loaded === 'loading') return;
    if (this.#loaded === 'no') {
      if (this.#waiting.length > 0) this.#load();
      return;
    }
    while (this.#working.size < this.#options.atOnce) {
      const job = this.#waiting.shift();
      if (!job) return;
      this.#working.add(job);
      const workMs = this.#options.workMs * this.#slower * job.size;
      this.#later(workMs, () => this.#finish(job, workMs));
    }
  }

  #finish(job: Job, workMs: number): void {
    if (job.isGone) return;
    this.#working.delete(job);
    this.#recent.push({ workMs: workMs / this.#options.atOnce, ms: this.#simulation.now - job.cameAt });
    if (this.#recent.length > RECENT) this.#recent.shift();
    job.ended('ok');
    this.#start();
  }

  #load(): void {
    this.#loaded = 'loading';
    this.loads += 1;
    this.#later(this.#options.loadMs ?? 1_500, () => {
      if (this.#loaded === 'loading') this.#loaded = 'yes';
      this.#start();
    });
  }

  #later(ms: number, happen: () => void): void {
    this.#simulation.after(ms, () => {
      if (this.#state === 'frozen') this.#held.push(happen);
      else happen();
    });
  }

  #die(): void {
    for (const job of [...this.#working, ...this.#waiting]) {
      job.isGone = true;
      job.ended('silent');
    }
    this.#working.clear();
    this.#waiting = [];
    this.#held = [];
  }

  #reportNow(): PoolNode {
    const count = this.#recent.length;
    const mean = (of: 'workMs' | 'ms') => this.#recent.reduce((sum, each) => sum + each[of], 0) / count;
    const recent = count > 0 ? { recent: { requestMs: mean('workMs'), meanMs: mean('ms') } } : {};
    return {
      id: this.id,
      region: null,
      heardAt: this.#simulation.now,
      heartbeat: {
        inFlight: this.#working.size,
        queued: this.#waiting.length,
        loaded: this.#loaded === 'yes' ? [{ model: 'm', version: 1, digest: 'v', ...recent }] : [],
      },
    };
  }
}
