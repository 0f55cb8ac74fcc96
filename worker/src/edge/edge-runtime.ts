/** Runs small models in this isolate: one ONNX Runtime, sessions in an LRU bounded by its WASM memory. */
import { LeptonError, type Tensor, tensorBytes } from '@lepton-edge/protocol';
import type { InferenceSession } from 'onnxruntime-web/wasm';
import { SingleFlight, type WaitUntil } from '../cache/single-flight.ts';
import { Backlog } from './backlog.ts';
import { isTrap, MAX_WASM_PAGES, type Ort, type Snapshot, startOrt } from './ort.ts';
import { fromOrt, toOrt } from './ort-tensor.ts';
import { Recovery, type Visit } from './recovery.ts';
import { Turns } from './turns.ts';

/** Weights take about this many times their file's size once a session holds them, where admission did not measure it. */
const HEAP_PER_FILE_BYTE = 2.5;
const RUNTIME_HEAP_BYTES = 18 * 1024 * 1024;
/** Kept free of weights: inputs and what runs make of them. */
const RUN_HEAP_BYTES = 12 * 1024 * 1024;
const MAX_HEAP_BYTES = MAX_WASM_PAGES * 65_536;
const BUDGET_BYTES = MAX_HEAP_BYTES - RUNTIME_HEAP_BYTES - RUN_HEAP_BYTES;
/** An allocation takes a little more than what is asked for. */
const ALLOCATION_SLACK_BYTES = 64 * 1024;

/** What to run: a version's one file, fetched when no session holds it yet. */
export interface EdgeModel {
  digest: string;
  /** Whose it is: what one model does is not held against another one of the same files. */
  modelId: string;
  sizeBytes: number;
  /** What it takes of the heap, where that was measured. */
  wasmBytes: number | undefined;
  /** What this run is expected to take, as measured; 0 where that is not known. */
  runMs: number;
  fetch(): Promise<Uint8Array>;
}

export interface EdgeRun {
  outputs: Tensor[];
  /** Whether the session had to be made for this run. */
  loaded: boolean;
}

interface Loaded {
  session: InferenceSession;
  costBytes: number;
  /** Runs under way; a session in use is never released. */
  users: number;
}

export class EdgeRuntime {
  #ort: Ort | undefined;
  /** The runtime as it was at its start. */
  #snapshot: Snapshot | undefined;
  #dead: string | undefined;
  readonly #recovery: Recovery;
  readonly #backlog: Backlog;
  readonly #turns = new Turns();
  readonly #starts = new SingleFlight<void>();
  readonly #loads = new SingleFlight<void>();
  /** Least recently used first. */
  readonly #sessions = new Map<string, Loaded>();

  constructor(now: () => number = Date.now) {
    this.#recovery = new Recovery(now);
    this.#backlog = new Backlog(now);
  }

  /** How long what waits here, or runs, will take together. */
  get queuedMs(): number {
    return this.#backlog.ms;
  }

  /** Whether a session of the version is made. */
  has(digest: string): boolean {
    return this.#sessions.has(digest);
  }

  /** Why this isolate does not run a model now, or undefined while it does. */
  unavailableFor(modelId: string): string | undefined {
    if (this.#dead) return `the edge runs no models in this isolate: ${this.#dead}`;
    if (this.#recovery.isShutOut(modelId)) return 'this model has lately stopped ONNX Runtime at the edge';
    const isWaiting = this.#recovery.isDue && !this.#recovery.isPossible;
    return isWaiting ? 'ONNX Runtime is being started again at the edge' : undefined;
  }

  /**
   * Runs a model on checked inputs; answers the outputs named, in that order.
   * @param check throws when the run is no longer to begin
   * @throws LeptonError `inference_failed` with the runtime's sentence when the model refuses the inputs, `no_placement`
   * when the model cannot be loaded here.
   */
  async run(
    model: EdgeModel,
    inputs: readonly Tensor[],
    outputs: readonly string[],
    waitUntil: WaitUntil,
    check: () => void = () => undefined,
  ): Promise<EdgeRun> {
    return await this.#inside(model, (visit) => this.#runInside(model, inputs, outputs, waitUntil, { visit, check }));
  }

  /** Makes a version's session, for runs to come. @throws LeptonError as `run` */
  async warm(model: EdgeModel, waitUntil: WaitUntil): Promise<void> {
    await this.#inside(model, () => this.#loads.run(model.digest, () => this.#load(model, waitUntil), waitUntil));
  }

  async #inside<T>(model: EdgeModel, work: (visit: Visit) => Promise<T>): Promise<T> {
    this.#checkAvailable(model.modelId);
    this.#recover();
    const visit = this.#recovery.enter();
    const leave = this.#backlog.enter(model.runMs);
    try {
      return await work(visit);
    } catch (error) {
      throw this.#translate(error, model.modelId, visit);
    } finally {
      leave();
      visit.leave();
    }
  }

  async #runInside(
    model: EdgeModel,
    inputs: readonly Tensor[],
    outputs: readonly string[],
    waitUntil: WaitUntil,
    { visit, check }: { visit: Visit; check: () => void },
  ): Promise<EdgeRun> {
    const feeds = Object.fromEntries(inputs.map((input) => [input.name, toOrt(input)]));
    const loaded = !this.#sessions.has(model.digest);
    const entry = await this.#acquire(model, waitUntil);
    try {
      await this.#makeRoom(
        inputs.reduce((sum, input) => sum + tensorBytes(input), 0),
        visit,
      );
      const begin = () => {
        check();
        return entry.session.run(feeds, [...outputs]);
      };
      const results = await this.#withMemory(visit, begin);
      if (visit.isVoid()) throw interrupted();
      return { outputs: outputs.map((name) => fromOrt(name, results[name] as never)), loaded };
    } finally {
      entry.users--;
    }
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
      else this.#sessions.set(model.digest, { session, costBytes, users: 0 });
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

  #translate(error: unknown, modelId: string, visit: Visit): LeptonError {
    const cause = error instanceof LeptonError ? error.cause : error;
    if (isTrap(cause)) {
      this.#recovery.stopped(modelId);
      // Theirs is memory that will be made as it was: nobody releases them.
      this.#sessions.clear();
      return new LeptonError('no_placement', 'ONNX Runtime stopped while running this model at the edge', { cause });
    }
    if (visit.isVoid()) return interrupted();
    if (error instanceof LeptonError) return error;
    const message = error instanceof Error ? error.message : String(error);
    if (isOutOfMemory(error)) {
      return new LeptonError('no_placement', `the edge has no memory for this run now: ${message}`, {
        cause: error,
        retryAfterSeconds: 1,
      });
    }
    return new LeptonError('inference_failed', `the model refused its inputs: ${message}`, { cause: error });
  }
}

/** Another model stopped the runtime meanwhile. */
function interrupted(): LeptonError {
  return new LeptonError('no_placement', 'the edge was interrupted by another model: try again', {
    retryAfterSeconds: 1,
  });
}

function cannotLoad(cause: unknown): LeptonError {
  if (cause instanceof LeptonError) return cause;
  const message = cause instanceof Error ? cause.message : String(cause);
  return new LeptonError('no_placement', `the edge cannot load this model: ${message}`, { cause });
}

/** Making a session of these bytes fails either way: for want of memory, or else because they are no model. */
async function canAllocate(ort: Ort, bytes: number): Promise<boolean> {
  try {
    const session = await ort.api.InferenceSession.create(new Uint8Array(bytes), {
      executionProviders: ['wasm'],
      logSeverityLevel: 4,
    });
    await session.release();
    return true;
  } catch (error) {
    return !isOutOfMemory(error);
  }
}

function isOutOfMemory(error: unknown): boolean {
  return /bad_alloc|out of memory|failed to allocate/i.test(String(error));
}
