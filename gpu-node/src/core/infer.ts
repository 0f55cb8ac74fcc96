/** One inference, without HTTP: a place in the model's queue, the model itself, the checks, the run. */
import {
  batchItems,
  checkInputs,
  completeRawInput,
  type InferRequest,
  type InferResponse,
  LeptonError,
  outputNames,
} from '@lepton-edge/protocol';
import { EngineError } from '../engines/engine.ts';
import type { Models } from '../models/lifecycle.ts';
import type { VersionTarget } from '../models/version-source.ts';
import { CallerGone, RunQueue } from './run-queue.ts';
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
  readonly #queueLimit: number;
  readonly #queues = new Map<string, RunQueue>();

  /** @param queueLimit requests of one model arriving, waiting or running at a time */
  constructor(models: Models, queueLimit: number) {
    this.#models = models;
    this.#queueLimit = queueLimit;
  }

  /** Takes a place before anything of the body is read. @throws LeptonError `overloaded` */
  admit(target: VersionTarget): Admitted {
    const queue = this.#queueOf(target.digest);
    try {
      queue.enter();
    } catch (error) {
      this.statistics.refused(target.model, target.version);
      throw error;
    }
    return {
      infer: (request, signal) => this.#counted(target, queue, request, signal),
      leave: () => {
        queue.leave();
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

  #queueOf(digest: string): RunQueue {
    const known = this.#queues.get(digest);
    if (known) return known;
    const queue = new RunQueue(this.#queueLimit);
    this.#queues.set(digest, queue);
    return queue;
  }

  async #counted(
    target: VersionTarget,
    queue: RunQueue,
    request: InferRequest,
    signal: AbortSignal | undefined,
  ): Promise<InferOutcome> {
    const { model, version } = target;
    const startedAt = performance.now();
    try {
      const { outcome, measured } = await this.#infer(target, queue, request, signal);
      this.statistics.succeeded(model, version, { ...measured, totalMs: performance.now() - startedAt });
      return outcome;
    } catch (error) {
      if (!(error instanceof CallerGone)) this.statistics.failed(model, version, performance.now() - startedAt);
      throw error;
    }
  }

  async #infer(
    target: VersionTarget,
    queue: RunQueue,
    request: InferRequest,
    signal: AbortSignal | undefined,
  ): Promise<{ outcome: InferOutcome; measured: Omit<Measured, 'totalMs'> }> {
    const lease = await this.#models.acquire(target);
    try {
      const checkedAt = performance.now();
      const { instance, manifest } = lease;
      const { inputs } = completeRawInput(request, manifest.inputs);
      checkInputs(inputs, manifest.inputs);
      const inferences = batchItems(manifest.inputs, inputs);
      const outputs = outputNames(request, manifest.outputs);
      const task = () => instance.run({ inputs, outputs });
      const askedAt = performance.now();
      const { value, queuedMs } = await queue.run(instance.concurrency, task, signal);
      const answeredAt = performance.now();
      const outcome = {
        response: {
          modelName: target.model,
          modelVersion: String(target.version),
          id: request.id,
          outputs: value.outputs,
        },
        phases: { queueMs: queuedMs, loadMs: lease.loadMs, runMs: value.runMs },
      };
      const measured = {
        inferences,
        inputMs: askedAt - checkedAt,
        queueMs: Math.max(0, answeredAt - askedAt - value.runMs),
        runMs: value.runMs,
        outputMs: performance.now() - answeredAt,
        loadMs: lease.loadMs,
      };
      return { outcome, measured };
    } catch (error) {
      throw error instanceof EngineError ? forCaller(error) : error;
    } finally {
      lease.release();
    }
  }
}

function forCaller(error: EngineError): LeptonError {
  if (error.failure === 'refused') {
    return new LeptonError('inference_failed', `the model refused its inputs: ${error.message}`, { cause: error });
  }
  return new LeptonError('unavailable', error.message, { cause: error, retryAfterSeconds: 1 });
}
