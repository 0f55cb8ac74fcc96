/** Runs small models in this isolate: one ONNX Runtime, sessions in an LRU bounded by its WASM memory. */
import { type BatchPlan, LeptonError, memberOf, type Tensor } from '@lepton-edge/protocol';
import type { InferenceSession } from 'onnxruntime-web/wasm';
import { SingleFlight, type WaitUntil } from '../cache/single-flight.ts';
import { type EdgeCall, type EdgeModel, type EdgeRun, lineOf } from './edge-call.ts';
import { canAllocate, cannotLoad, cannotRun, interrupted, isOutOfMemory, Stopped } from './edge-errors.ts';
import { isTrap, MAX_WASM_PAGES, type Ort, type Snapshot, startOrt } from './ort.ts';
import { bytesOf, fromOrt, toOrt } from './ort-tensor.ts';
import { Recovery, type Visit } from './recovery.ts';
import { FailedTogether, RunQueue } from './run-queue.ts';
import { Turns } from './turns.ts';
import { WarmUps } from './warm-ups.ts';

/** Weights take about this many times their file's size once a session holds them, where admission did not measure it. */
const HEAP_PER_FILE_BYTE = 2.5;
const RUNTIME_HEAP_BYTES = 18 * 1024 * 1024;
/** Kept free of weights: inputs and what runs make of them. */
const RUN_HEAP_BYTES = 12 * 1024 * 1024;
const MAX_HEAP_BYTES = MAX_WASM_PAGES * 65_536;
const BUDGET_BYTES = MAX_HEAP_BYTES - RUNTIME_HEAP_BYTES - RUN_HEAP_BYTES;
/** An allocation takes a little more than what is asked for. */
const ALLOCATION_SLACK_BYTES = 64 * 1024;

interface Loaded {
  session: InferenceSession;
  costBytes: number;
  /** Runs under way; a session in use is never released. */
  users: number;
  /** How its runs are shared, by the version whose it is. */
  plans: Map<string, BatchPlan | undefined>;
}

/** A run that costs no more is not worth making others wait for. */
const CHEAP_MS = 2;

export class EdgeRuntime {
  #ort: Ort | undefined;
  /** The runtime as it was at its start. */
  #snapshot: Snapshot | undefined;
  #dead: string | undefined;
  readonly #recovery: Recovery;
  readonly #warmUps: WarmUps;
  readonly #turns = new Turns();
  readonly #queue = new RunQueue();
  readonly #starts = new SingleFlight<void>();
  readonly #loads = new SingleFlight<void>();
  /** Least recently used first. */
  readonly #sessions = new Map<string, Loaded>();

  constructor(now: () => number = Date.now) {
    this.#recovery = new Recovery(now);
    this.#warmUps = new WarmUps(now);
  }

  /** Why this isolate does not run a model now, or undefined while it does. */
  unavailableFor(modelId: string): string | undefined {
    if (this.#dead) return `the edge runs no models in this isolate: ${this.#dead}`;
    if (this.#recovery.isShutOut(modelId)) return 'this model has lately stopped ONNX Runtime at the edge';
    const isWaiting = this.#recovery.isDue && !this.#recovery.isPossible;
    return isWaiting ? 'ONNX Runtime is being started again at the edge' : undefined;
  }

  /** Whether a session of these files is open. */
  has(digest: string): boolean {
    return this.#sessions.has(digest);
  }

  /** At least so long, in ms by what admission measured, a request of a team would wait here for its turn. */
  waitMs(modelId: string, version: number, tenant: string): number {
    return this.#queue.isIdle ? 0 : this.#queue.waitMs(lineOf(modelId, version, tenant));
  }

  /** @throws LeptonError `overloaded` where a team's run of such a cost would not be taken on now */
  checkRoom(team: string, costMs: number): void {
    if (!this.#queue.isIdle) this.#queue.checkRoom(team, costMs);
  }

  /**
   * Runs a model on checked inputs; answers the outputs named, in that order.
   * @throws LeptonError `inference_failed` with the runtime's sentence when the model refuses the inputs, `no_placement`
   * when the model cannot be loaded here, `overloaded` when too much waits already; what `check` throws.
   */
  async run(model: EdgeModel, call: EdgeCall): Promise<EdgeRun> {
    return await this.#inside(model, async (visit) => {
      const entry = await this.#acquire(model, call.waitUntil);
      try {
        return await this.#runSession(entry, model, call, visit);
      } finally {
        entry.users--;
      }
    });
  }

  /** Makes a version's session, for runs to come, unless that was begun lately. @throws LeptonError as `run` */
  async warm(model: EdgeModel, waitUntil: WaitUntil): Promise<void> {
    if (!this.#warmUps.begin(model.digest)) return;
    await this.#inside(model, () => this.#loads.run(model.digest, () => this.#load(model, waitUntil), waitUntil));
  }

  async #inside<T>(model: EdgeModel, work: (visit: Visit) => Promise<T>): Promise<T> {
    this.#checkAvailable(model.modelId);
    this.#recover();
    const visit = this.#recovery.enter();
    try {
      return await work(visit);
    } catch (error) {
      throw this.#translate(error, model.modelId, visit);
    } finally {
      visit.leave();
    }
  }

  async #runSession(entry: Loaded, model: EdgeModel, call: EdgeCall, visit: Visit): Promise<EdgeRun> {
    const { inputs, outputs, cost, tenant, check } = call;
    const version = `${model.modelId}/${model.version}`;
    if (!entry.plans.has(version)) entry.plans.set(version, model.batchPlan());
    const plan = entry.plans.get(version);
    const isCheap = plan === undefined && cost.aloneMs <= CHEAP_MS;
    if (this.#queue.isIdle && (call.isAlone || isCheap)) {
      check();
      return { outputs: await this.#runNow(entry, inputs, outputs, visit), queuedMs: 0, shared: 1 };
    }
    const member = plan && memberOf(plan, inputs, outputs);
    const job = {
      line: lineOf(model.modelId, model.version, tenant),
      team: tenant,
      ...{ inputs, outputs, check },
      bytes: bytesOf(inputs),
      costMs: member ? cost.sharedMs : cost.aloneMs,
      aloneMs: cost.aloneMs,
      batchable: plan && member && { plan, member },
      run: async (given: readonly Tensor[], wanted: readonly string[], isShared: boolean) => {
        try {
          return await this.#runNow(entry, given, wanted, visit, isShared);
        } catch (error) {
          throw this.#translate(error, model.modelId, visit, isShared);
        }
      },
    };
    const askedAt = performance.now();
    const { outputs: answer, begunAt, shared } = await this.#queue.run(job, call.waitUntil);
    return { outputs: answer, queuedMs: begunAt - askedAt, shared };
  }

  /** Computes only: nothing outside is waited for. */
  async #runNow(
    entry: Loaded,
    inputs: readonly Tensor[],
    outputs: readonly string[],
    visit: Visit,
    isShared = false,
  ): Promise<Tensor[]> {
    const feeds = Object.fromEntries(inputs.map((input) => [input.name, toOrt(input)]));
    await this.#makeRoom(bytesOf(inputs), visit);
    const begin = () => entry.session.run(feeds, [...outputs]);
    // For a run that is shared no session is given up: its parts may find room each.
    const results = await (isShared ? this.#call(visit, begin) : this.#withMemory(visit, begin));
    if (visit.isVoid()) throw interrupted();
    return outputs.map((name) => fromOrt(name, results[name] as never));
  }

  /** What finds no memory is tried once more without the sessions that nobody uses. */
  async #withMemory<T>(visit: Visit, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#call(visit, work);
    } catch (error) {
      if (!isOutOfMemory(error)) throw error;
      await this.#release(0, visit);
      return await this.#call(visit, work);
    }
  }

  /** Calls ONNX Runtime, unless it was stopped since the visit began. */
  #call<T>(visit: Visit, work: () => Promise<T>): Promise<T> {
    return this.#turns.take(async () => {
      if (visit.isVoid()) throw interrupted();
      return await work();
    });
  }

  /**
   * ONNX Runtime copies inputs into its heap without looking whether it got the room. Where the heap cannot surely grow by
   * as much, the room is tried out first.
   * @throws LeptonError `no_placement`
   */
  async #makeRoom(bytes: number, visit: Visit): Promise<void> {
    const ort = this.#ort;
    const wanted = bytes + ALLOCATION_SLACK_BYTES;
    if (!ort || ort.heapBytes() + 2 * wanted <= MAX_HEAP_BYTES) return;
    const isThere = () => this.#call(visit, () => canAllocate(ort, wanted));
    if (await isThere()) return;
    await this.#release(0, visit);
    if (await isThere()) return;
    throw new LeptonError('no_placement', `the edge has no room for ${bytes} bytes of inputs now`, {
      retryAfterSeconds: 1,
    });
  }

  async #acquire(model: EdgeModel, waitUntil: WaitUntil): Promise<Loaded> {
    for (let attempt = 0; attempt < 3; attempt++) {
      const entry = this.#sessions.get(model.digest);
      if (entry) {
        // Moved to the end of the map: the most recently used.
        this.#sessions.delete(model.digest);
        this.#sessions.set(model.digest, entry);
        entry.users++;
        return entry;
      }
      await this.#loads.run(model.digest, () => this.#load(model, waitUntil), waitUntil);
    }
    throw new LeptonError('no_placement', 'the edge has no room for this model now', { retryAfterSeconds: 1 });
  }

  async #load(model: EdgeModel, waitUntil: WaitUntil): Promise<void> {
    if (this.#sessions.has(model.digest)) return;
    if (this.#recovery.isDue) throw interrupted();
    const visit = this.#recovery.enter();
    try {
      const bytes = await model.fetch();
      const ort = await this.#started(waitUntil);
      const costBytes = model.wasmBytes ?? model.sizeBytes * HEAP_PER_FILE_BYTE;
      await this.#release(BUDGET_BYTES - costBytes, visit);
      const session = await this.#create(ort, bytes, visit);
      // What was made before a stop is not there after it.
      if (visit.isVoid()) throw interrupted();
      // A waiter that lost patience may have loaded it meanwhile; one session of a model is enough.
      if (this.#sessions.has(model.digest)) await this.#call(visit, () => session.release());
      else this.#sessions.set(model.digest, { session, costBytes, users: 0, plans: new Map() });
    } finally {
      visit.leave();
    }
  }

  async #create(ort: Ort, bytes: Uint8Array, visit: Visit): Promise<InferenceSession> {
    const options: InferenceSession.SessionOptions = { executionProviders: ['wasm'], logSeverityLevel: 3 };
    try {
      return await this.#withMemory(visit, () => ort.api.InferenceSession.create(bytes, options));
    } catch (error) {
      throw cannotLoad(error);
    }
  }

  async #started(waitUntil: WaitUntil): Promise<Ort> {
    if (!this.#ort) {
      const start = async () => {
        try {
          this.#ort ??= await startOrt();
          this.#snapshot ??= this.#ort.snapshot();
        } catch (cause) {
          this.#dead = 'ONNX Runtime did not start';
          throw new LeptonError('no_placement', 'ONNX Runtime did not start at the edge', { cause });
        }
      };
      await this.#starts.run('ort', start, waitUntil);
    }
    if (!this.#ort) throw new LeptonError('no_placement', 'ONNX Runtime did not start at the edge');
    return this.#ort;
  }

  /** Releases idle sessions, the least recently used first, until at most `keepBytes` are held. */
  async #release(keepBytes: number, visit: Visit): Promise<void> {
    let held = 0;
    for (const entry of this.#sessions.values()) held += entry.costBytes;
    for (const [digest, entry] of this.#sessions) {
      if (held <= keepBytes) return;
      if (entry.users > 0) continue;
      this.#sessions.delete(digest);
      held -= entry.costBytes;
      await this.#call(visit, () => entry.session.release());
    }
  }

  /** @throws LeptonError `no_placement` */
  #checkAvailable(modelId: string): void {
    const why = this.unavailableFor(modelId);
    if (why) throw new LeptonError('no_placement', why, { retryAfterSeconds: 1 });
  }

  /** Makes the runtime as it was at its start, where a model has stopped it. */
  #recover(): void {
    if (!this.#recovery.isDue) return;
    // Also those that were made after it was stopped.
    this.#sessions.clear();
    if (this.#ort && this.#snapshot) this.#ort.restore(this.#snapshot);
    this.#recovery.done();
  }

  /** What was translated once stays as it is. @param isShared whether a run may have failed because of some of those that share it */
  #translate(error: unknown, modelId: string, visit: Visit, isShared = false): Error {
    if (error instanceof Stopped) return error;
    const cause = error instanceof LeptonError ? error.cause : error;
    if (isTrap(cause)) {
      this.#recovery.stopped(modelId);
      // Theirs is memory that will be made as it was: nobody releases them.
      this.#sessions.clear();
      this.#queue.rejectAll(interrupted());
      return new Stopped(cause);
    }
    if (visit.isVoid()) return interrupted();
    if (isShared) return new FailedTogether('a run that several share failed', { cause: error });
    return cannotRun(error);
  }
}
