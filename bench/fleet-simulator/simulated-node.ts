/** A node in virtual time: it works on so many requests at once, keeps others waiting, and can be slow, frozen or gone. */
import { HEARTBEAT_INTERVAL_MS, type Heartbeat } from '@lepton-edge/protocol';
import type { VirtualTime } from './virtual-time.ts';

/** As a node has it by default. */
const MAX_QUEUE = 256;
/** Of so many requests it reports what they took. */
const RECENT = 200;

export interface NodeOptions {
  /** What a request takes in the mean, in ms. */
  workMs: number;
  atOnce: number;
  /** Whether it has the version at first; a process that is started again has none. */
  isLoaded?: boolean;
  loadMs?: number;
}

export type Fault = 'up' | 'down' | 'frozen' | { slower: number };

/** `silent`: no answer came. `busy`: it has no room. */
export type Ended = (how: 'ok' | 'busy' | 'silent') => void;

interface Job {
  ended: Ended;
  size: number;
  cameAt: number;
}

interface Surroundings {
  time: VirtualTime;
  random: () => number;
  report: (heartbeat: Heartbeat) => void;
  /** Of the one version that there is. */
  digest: string;
}

export class SimulatedNode {
  /** How often the version was loaded, in all its processes. */
  loads = 0;
  readonly #options: NodeOptions;
  readonly #surroundings: Surroundings;
  #state: 'up' | 'down' | 'frozen' = 'up';
  #slower = 1;
  #process: Process;

  constructor(options: NodeOptions, surroundings: Surroundings) {
    this.#options = options;
    this.#surroundings = surroundings;
    this.#process = new Process('0', options.isLoaded ?? true);
    this.#report();
    surroundings.time.after(surroundings.random() * HEARTBEAT_INTERVAL_MS, () => this.#beat(this.#process));
  }

  become(to: Fault): void {
    if (typeof to === 'object') {
      this.#slower = to.slower;
      return;
    }
    const before = this.#state;
    this.#state = to;
    if (to === 'down') this.#die();
    if (to !== 'up') return;
    if (before === 'down') this.#beat(this.#process);
    for (const happen of this.#process.held.splice(0)) happen();
    this.#startNext();
  }

  /** @param size of its work, as a multiple of the mean @returns to be called when its caller is gone */
  accept(size: number, ended: Ended): () => void {
    const { waiting, working } = this.#process;
    if (this.#state === 'down') ended('silent');
    else if (waiting.size + working.size >= MAX_QUEUE) ended('busy');
    else {
      const job = { ended, size, cameAt: this.#surroundings.time.now };
      waiting.add(job);
      this.#startNext();
      return () => this.#within(() => waiting.delete(job));
    }
    return () => undefined;
  }

  #startNext(): void {
    const { waiting, working, version } = this.#process;
    if (this.#state !== 'up' || version === 'loading') return;
    if (version === 'absent') {
      if (waiting.size > 0) this.#load();
      return;
    }
    for (const job of waiting) {
      if (working.size >= this.#options.atOnce) return;
      waiting.delete(job);
      working.add(job);
      const workMs = this.#options.workMs * this.#slower * job.size;
      this.#after(workMs, () => this.#finish(job, workMs));
    }
  }

  #finish(job: Job, workMs: number): void {
    const { working, recent } = this.#process;
    working.delete(job);
    recent.push({ requestMs: workMs / this.#options.atOnce, meanMs: this.#surroundings.time.now - job.cameAt });
    if (recent.length > RECENT) recent.shift();
    job.ended('ok');
    this.#startNext();
  }

  #load(): void {
    this.#process.version = 'loading';
    this.loads += 1;
    this.#after(this.#options.loadMs ?? 1_500, () => {
      this.#process.version = 'loaded';
      this.#startNext();
    });
  }

  /** Of this process: nothing, once it is gone; and nothing while it is frozen, until it is not. */
  #after(ms: number, happen: () => void): void {
    const process = this.#process;
    this.#surroundings.time.after(ms, () => {
      if (process === this.#process) this.#within(happen);
    });
  }

  #within(happen: () => void): void {
    if (this.#state === 'frozen') this.#process.held.push(happen);
    else happen();
  }

  #die(): void {
    const { waiting, working } = this.#process;
    for (const job of [...working, ...waiting]) job.ended('silent');
    this.#process = new Process(String(this.#surroundings.time.now).padStart(9, '0'), false);
  }

  #beat(process: Process): void {
    if (process !== this.#process) return;
    if (this.#state === 'up') this.#report();
    this.#surroundings.time.after(HEARTBEAT_INTERVAL_MS, () => this.#beat(process));
  }

  #report(): void {
    const { instance, version, working, waiting, recent } = this.#process;
    const mean = (of: 'requestMs' | 'meanMs') => recent.reduce((sum, each) => sum + each[of], 0) / recent.length;
    const took = recent.length > 0 ? { recent: { requestMs: mean('requestMs'), meanMs: mean('meanMs') } } : {};
    this.#surroundings.report({
      ...{ url: 'https://node', softwareVersion: '0', state: 'ready', engines: [], rssBytes: 0 },
      instance,
      loaded: version === 'loaded' ? [{ model: 'm', version: 1, digest: this.#surroundings.digest, ...took }] : [],
      inFlight: working.size,
      queued: waiting.size,
    });
  }
}

/** From one start to its end. */
class Process {
  /** Later ones sort behind earlier ones. */
  readonly instance: string;
  version: 'absent' | 'loading' | 'loaded';
  /** In the order in which they came. */
  readonly waiting = new Set<Job>();
  readonly working = new Set<Job>();
  readonly recent: { requestMs: number; meanMs: number }[] = [];
  /** What was done while it was frozen. */
  readonly held: (() => void)[] = [];

  constructor(instance: string, hasVersion: boolean) {
    this.instance = instance;
    this.version = hasVersion ? 'loaded' : 'absent';
  }
}
