/**
 * The trials of this node: two at a time, so that one that never ends does not hold all others up; asked about until they
 * have ended, and remembered for a while.
 */
import type { EngineTrial, NodeTrialAnswer } from '@lepton-edge/protocol';
import { LRUCache } from 'lru-cache';
import type { Engine, ModelSource } from '../engines/engine.ts';
import type { Repository } from '../models/repository.ts';
import type { VersionTarget } from '../models/version-source.ts';
import { tryOnEngine } from './engine-trial.ts';
import type { TrialLimits } from './trial-bounds.ts';
import { runTrial, type TrialEnd, type TrialOutcome } from './trial-process.ts';

/** An answer comes within this, if only that it is being worked on. */
const ANSWER_WITHIN_MS = 5_000;
const PARALLEL = 2;
const REMEMBERED = 100;
const REMEMBERED_MS = 5 * 60_000;

interface NodeLimits extends TrialLimits {
  /** Of all models that the node keeps loaded. */
  modelBytes: number;
}

interface Job {
  progress: string;
  ended: Promise<TrialEnd>;
}

export class Trials {
  readonly #repository: Repository;
  readonly #where: string;
  readonly #limits: NodeLimits;
  readonly #engines: readonly Engine[];
  readonly #jobs = new Map<string, Job>();
  readonly #results = new LRUCache<string, TrialEnd>({ max: REMEMBERED, ttl: REMEMBERED_MS, ttlResolution: 0 });
  /** Of trials that could not be made: told once, then made again. */
  readonly #failures = new LRUCache<string, { error: unknown }>({
    max: REMEMBERED,
    ttl: REMEMBERED_MS,
    ttlResolution: 0,
  });
  #free = PARALLEL;
  readonly #waiting: (() => void)[] = [];

  /** @param engines to try a version on beside the CPU's, each of which can load apart */
  constructor(repository: Repository, where: string, limits: NodeLimits, engines: readonly Engine[] = []) {
    this.#engines = engines;
    this.#repository = repository;
    this.#where = where;
    this.#limits = limits;
  }

  /**
   * Begins the trial of a version, or tells how it stands.
   * @throws LeptonError when its files cannot be had, or this machine had no memory or time to try it
   */
  async ask(target: VersionTarget): Promise<NodeTrialAnswer> {
    const key = keyOf(target);
    const result = this.#results.get(key);
    if (result) return result;
    const failure = this.#failures.get(key);
    this.#failures.delete(key);
    if (failure) throw failure.error;
    const job = this.#jobs.get(key) ?? this.#begin(target);
    const { promise: late, resolve } = Promise.withResolvers<NodeTrialAnswer>();
    const timer = setTimeout(() => resolve({ state: 'working', progress: job.progress }), ANSWER_WITHIN_MS);
    try {
      return await Promise.race([job.ended, late]);
    } catch (error) {
      this.#failures.delete(key);
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #begin(target: VersionTarget): Job {
    const { promise, resolve } = Promise.withResolvers<TrialEnd>();
    const job: Job = { progress: 'waiting for the trials before it', ended: promise };
    this.#jobs.set(keyOf(target), job);
    resolve(this.#inTurn(() => this.#run(target, job)));
    // Whoever asks next hears of a failure; that nobody may is no defect.
    job.ended.catch(() => undefined);
    return job;
  }

  async #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#free++;
    }
  }

  /** What this node could try but never keep loaded is another node's. */
  #tooLarge(sizeBytes: number): TrialEnd | undefined {
    const { modelBytes } = this.#limits;
    if (sizeBytes <= modelBytes) return undefined;
    const message = `its files are ${sizeBytes} bytes, this node keeps at most ${modelBytes} bytes of models loaded`;
    return { state: 'failed', failure: { kind: 'memory', message } };
  }

  /** What the version does on the CPU decides about it; this is told beside. */
  async #onEngines({ ended, sample }: TrialOutcome, source: ModelSource, job: Job): Promise<TrialEnd> {
    if (ended.state !== 'ok' || !sample) return ended;
    const { report } = ended;
    const engines: EngineTrial[] = [];
    for (const engine of this.#engines) {
      job.progress = `running it on ${engine.report.name}`;
      const version = { source, sample, deterministic: report.deterministic };
      engines.push(await tryOnEngine(engine, version, this.#limits.timeMs));
    }
    return { ...ended, report: { ...report, engines } };
  }

  async #run(target: VersionTarget, job: Job): Promise<TrialEnd> {
    try {
      job.progress = 'fetching its files';
      const described = await this.#repository.describe(target);
      const tooLarge = this.#tooLarge(described.sizeBytes);
      if (tooLarge) return tooLarge;
      const { source, files } = await this.#repository.fetch(target, described);
      job.progress = 'running it';
      try {
        const trial = {
          source,
          manifest: described.manifest,
          where: this.#where,
          wantsSample: this.#engines.length > 0,
        };
        const ended = await this.#onEngines(await runTrial(trial, this.#limits), source, job);
        this.#results.set(keyOf(target), ended);
        return ended;
      } finally {
        files.release();
      }
    } catch (error) {
      this.#failures.set(keyOf(target), { error });
      throw error;
    } finally {
      this.#jobs.delete(keyOf(target));
    }
  }
}

/** Two versions of one digest may state different inputs to be tried with. */
function keyOf({ model, version, digest }: VersionTarget): string {
  return `${model}@${version} ${digest}`;
}
