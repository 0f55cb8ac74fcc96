/** One inference, without HTTP: a place in the model's queue, the model itself, the checks, the run. */
import {
  batchItems,
  checkInputs,
  completeRawInput,
  type InferRequest,
  type InferResponse,
  LeptonError,
  type Manifest,
  outputNames,
  tensorBytes,
} from '@lepton-edge/protocol';
import { EngineError } from '../engines/engine.ts';
import type { Lease, Models } from '../models/lifecycle.ts';
import type { VersionTarget } from '../models/version-source.ts';
import { itemsOf, memberOf } from './batch-member.ts';
import { type BatchPlan, batchPlan } from './batch-plan.ts';
import { CallerGone, type Limits, type Place, RunQueue } from './run-queue.ts';
import { type Measured, Statistics } from './statistics.ts';

export interface Phases {
  queueMs: number;
  /** Absent when the model was loaded already. */
  loadMs: number | undefined;
  runMs: number;
}

export interface InferOutcome {
  response: InferResponse;
  phases: Phases;
}

/** A request that has its place; `leave` must be called exactly once, whatever happens. */
export interface Admitted {
  /**
   * The request's tensors belong to the core from here on.
   * @throws LeptonError for the caller; CallerGone when the signal aborts while it waits
   */
  infer(request: InferRequest, signal?: AbortSignal): Promise<InferOutcome>;
  leave(): void;
}

export interface Load {
  inFlight: number;
  queued: number;
}

export class InferenceCore {
  readonly statistics = new Statistics();
  readonly #models: Models;
  readonly #limits: Limits;
  readonly #queues = new Map<string, RunQueue>();
  /** Of each version: two of one digest may be batched differently. */
  readonly #plans = new WeakMap<Manifest, BatchPlan | 'alone'>();

  /** @param limits of each model */
  constructor(models: Models, limits: Limits) {
    this.#models = models;
    this.#limits = limits;
  }

  /**
   * Takes a place before anything of the body is read.
   * @param bytes of the body, as far as known
   * @throws LeptonError `overloaded`
   */
  admit(target: VersionTarget, bytes = 0): Admitted {
    const queue = this.#queueOf(target.digest);
    let place: Place;
    try {
      place = queue.enter(bytes);
    } catch (error) {
      this.statistics.refused(target.model, target.version);
      throw error;
    }
    return {
      infer: (request, signal) => this.#counted(target, { queue, place }, request, signal),
      leave: () => {
        place.leave();
        if (queue.entered === 0) this.#queues.delete(target.digest);
      },
    };
  }

  /** What is being worked on now, and what waits. */
  load(): Load {
    let inFlight = 0;
    let queued = 0;
    for (const queue of this.#queues.values()) {
      inFlight += queue.running;
      queued += queue.entered - queue.running;
    }
    return { inFlight, queued };
  }

  #planOf({ manifest, admission }: Lease): BatchPlan | undefined {
    let plan = this.#plans.get(manifest);
    if (!plan) {
      plan = batchPlan(manifest, admission) ?? 'alone';
      this.#plans.set(manifest, plan);
    }
    return plan === 'alone' ? undefined : plan;
  }

  #queueOf(digest: string): RunQueue {
    const known = this.#queues.get(digest);
    if (known) return known;
    const queue = new RunQueue(this.#limits);
    this.#queues.set(digest, queue);
    return queue;
  }

  async #counted(
    target: VersionTarget,
    queued: Queued,
    request: InferRequest,
    signal: AbortSignal | undefined,
  ): Promise<InferOutcome> {
    const { model, version } = target;
    const startedAt = performance.now();
    try {
      const { outcome, measured } = await this.#infer(target, queued, request, signal);
      this.statistics.succeeded(model, version, { ...measured, totalMs: performance.now() - startedAt });
      return outcome;
    } catch (error) {
      if (!(error instanceof CallerGone)) this.statistics.failed(model, version, performance.now() - startedAt);
      throw error;
    }
  }

  async #infer(
    target: VersionTarget,
    { queue, place }: Queued,
    request: InferRequest,
    signal: AbortSignal | undefined,
  ): Promise<{ outcome: InferOutcome; measured: Omit<Measured, 'totalMs'> }> {
    const lease = await this.#models.acquire(target);
    try {
      const checkedAt = performance.now();
      const { instance, manifest } = lease;
      const { inputs } = completeRawInput(request, manifest.inputs);
      checkInputs(inputs, manifest.inputs);
      place.grow(inputs.reduce((bytes, input) => bytes + tensorBytes(input), 0));
      const outputs = outputNames(request, manifest.outputs);
      const plan = this.#planOf(lease);
      const member = plan && memberOf(plan, inputs, outputs);
      const items = plan ? itemsOf(plan, inputs) : batchItems(manifest.inputs, inputs);
      const askedAt = performance.now();
      const ran = await queue.run({
        instance,
        inputs,
        outputs,
        items,
        batchable: member && { plan, member },
        signal,
      });
      const answeredAt = performance.now();
      const { execution } = ran;
      const outcome = {
        response: {
          modelName: target.model,
          modelVersion: String(target.version),
          id: request.id,
          outputs: ran.outputs,
        },
        phases: { queueMs: ran.queuedMs, loadMs: lease.loadMs, runMs: execution.runMs },
      };
      const measured = {
        inferences: items,
        inputMs: askedAt - checkedAt,
        queueMs: Math.max(0, answeredAt - askedAt - execution.runMs),
        runMs: execution.runMs,
        outputMs: performance.now() - answeredAt,
        loadMs: lease.loadMs,
        execution: ran.first ? execution : undefined,
      };
      return { outcome, measured };
    } catch (error) {
      throw error instanceof EngineError ? forCaller(error) : error;
    } finally {
      lease.release();
    }
  }
}

interface Queued {
  queue: RunQueue;
  place: Place;
}

function forCaller(error: EngineError): LeptonError {
  if (error.failure === 'refused') {
    return new LeptonError('inference_failed', `the model refused its inputs: ${error.message}`, { cause: error });
  }
  return new LeptonError('unavailable', error.message, { cause: error, retryAfterSeconds: 1 });
}
