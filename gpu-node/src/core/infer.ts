/** One inference, without HTTP: a place in the model's queue, the model itself, the checks, the run. */
import {
  batchItems,
  checkInputs,
  completeRawInput,
  type InferRequest,
  type InferResponse,
  itemsOf,
  LeptonError,
  memberOf,
  outputNames,
  priorityOfParameters,
  tensorBytes,
  timeoutOfParameters,
} from '@lepton-edge/protocol';
import { EngineError } from '../engines/engine.ts';
import type { Lease, Models } from '../models/lifecycle.ts';
import type { VersionTarget } from '../models/version-source.ts';
import { CallerGone, type Claim } from './claim.ts';
import { type Limits, type Place, Places } from './places.ts';
import { RunQueue } from './run-queue.ts';
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
  /** The model, for what is to be done before it runs. @throws LeptonError `deadline_exceeded`, and as `Models.acquire` */
  acquire(): Promise<Lease>;
  /** Says how many bytes of the request have come, where they are more than was known. @throws LeptonError `overloaded` */
  grow(bytes: number): void;
  /**
   * The request's tensors belong to the core from here on; its parameters may hasten it.
   * @throws LeptonError for the caller; CallerGone when the caller goes while it waits
   */
  infer(request: InferRequest): Promise<InferOutcome>;
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
  readonly #unnamed: Places;

  /** @param limits of each model */
  constructor(models: Models, limits: Limits) {
    this.#models = models;
    this.#limits = limits;
    this.#unnamed = new Places(limits, () => 1);
  }

  /**
   * Takes a place before anything of the body is read.
   * @param bytes of the body, as far as known
   * @throws LeptonError `overloaded`; `deadline_exceeded` when the answer would surely be late
   */
  admit(target: VersionTarget, claim: Claim, bytes = 0): Admitted {
    const queue = this.#queueOf(target.digest);
    let place: Place;
    try {
      place = queue.enter(claim, bytes);
    } catch (error) {
      this.statistics.refused(target.model, target.version, error);
      throw error;
    }
    return {
      acquire: () => this.#acquire(target, claim),
      grow: (known) => place.grow(known),
      infer: (request) => this.#counted(target, { queue, place }, request),
      leave: () => {
        place.leave();
        if (queue.entered === 0 && this.#queues.get(target.digest) === queue) this.#queues.delete(target.digest);
      },
    };
  }

  /**
   * A place for a body that says itself which model it is for, until that has been read: of all such, as many as of one model.
   * @throws LeptonError `overloaded`
   */
  admitUnnamed(claim: Claim, bytes: number): Place {
    return this.#unnamed.enter(claim, bytes);
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

  /** A load that takes longer than the request has goes on without it. */
  async #acquire(target: VersionTarget, claim: Claim): Promise<Lease> {
    const acquired = this.#models.acquire(target);
    if (!claim.hasDeadline) return await acquired;
    const { promise: passed, reject } = Promise.withResolvers<never>();
    const leftMs = Math.max(0, claim.deadlineAt - performance.now());
    const timer = setTimeout(() => reject(claim.late('have passed while its model was being loaded')), leftMs);
    try {
      return await Promise.race([acquired, passed]);
    } catch (error) {
      acquired.then(
        (lease) => lease.release(),
        () => undefined,
      );
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  #queueOf(digest: string): RunQueue {
    const known = this.#queues.get(digest);
    if (known) return known;
    const queue = new RunQueue(this.#limits);
    this.#queues.set(digest, queue);
    return queue;
  }

  async #counted(target: VersionTarget, queued: Queued, request: InferRequest): Promise<InferOutcome> {
    const { model, version } = target;
    const startedAt = performance.now();
    try {
      const { outcome, measured } = await this.#infer(target, queued, request);
      this.statistics.succeeded(model, version, { ...measured, totalMs: performance.now() - startedAt });
      return outcome;
    } catch (error) {
      if (!(error instanceof CallerGone)) this.statistics.failed(model, version, performance.now() - startedAt, error);
      throw error;
    }
  }

  async #infer(
    target: VersionTarget,
    { queue, place }: Queued,
    request: InferRequest,
  ): Promise<{ outcome: InferOutcome; measured: Omit<Measured, 'totalMs'> }> {
    place.claim.answerWithin(timeoutOfParameters(request.parameters));
    place.claim.priority = priorityOfParameters(request.parameters) ?? place.claim.priority;
    const lease = await this.#acquire(target, place.claim);
    try {
      const checkedAt = performance.now();
      const { instance, manifest, plan } = lease;
      const { inputs } = completeRawInput(request, manifest.inputs);
      checkInputs(inputs, manifest.inputs);
      place.grow(inputs.reduce((bytes, input) => bytes + tensorBytes(input), 0));
      const outputs = outputNames(request, manifest.outputs);
      const member = plan && memberOf(plan, inputs, outputs);
      const items = plan ? itemsOf(plan, inputs) : batchItems(manifest.inputs, inputs);
      const askedAt = performance.now();
      const batchable = member && { plan, member };
      const ran = await queue.run(place, { instance, inputs, outputs, items, batchable });
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
