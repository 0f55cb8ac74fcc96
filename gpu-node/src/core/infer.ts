/** One inference, without HTTP: a place in the model's queue, the model itself, the checks, the run. */
import {
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
import { RunQueue } from './run-queue.ts';

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
    queue.enter();
    return {
      infer: (request, signal) => this.#infer(target, queue, request, signal),
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

  async #infer(
    target: VersionTarget,
    queue: RunQueue,
    request: InferRequest,
    signal: AbortSignal | undefined,
  ): Promise<InferOutcome> {
    const lease = await this.#models.acquire(target);
    try {
      const { instance, manifest } = lease;
      const { inputs } = completeRawInput(request, manifest.inputs);
      checkInputs(inputs, manifest.inputs);
      const outputs = outputNames(request, manifest.outputs);
      const task = () => instance.run({ inputs, outputs });
      const { value, queuedMs } = await queue.run(instance.concurrency, task, signal);
      return {
        response: {
          modelName: target.model,
          modelVersion: String(target.version),
          id: request.id,
          outputs: value.outputs,
        },
        phases: { queueMs: queuedMs, loadMs: lease.loadMs, runMs: value.runMs },
      };
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
