/** One model on one worker thread, seen from the node: runs go over, answers come back, and a death fails what was on it. */
import { Worker } from 'node:worker_threads';
import {
  EngineError,
  type Instance,
  type ModelSource,
  type RunInput,
  type RunOutput,
  type TensorInfo,
} from '../../engine.ts';
import { buffersOf, fromWire, toWire } from '../tensors.ts';
import type { FromWorker, ToWorker, WorkerInput } from './messages.ts';

interface Pending {
  resolve(output: RunOutput): void;
  reject(error: EngineError): void;
}

const WORKER = new URL('./worker.ts', import.meta.url);

export interface ThreadOptions extends Pick<WorkerInput, 'executionProvider'> {
  /** On which a run is; one where it is absent. */
  threads?: number;
  /** Replaces the thread's code, for tests of threads that die. */
  workerUrl?: URL | undefined;
}

/**
 * Starts a thread and loads the model there.
 * @throws EngineError `unsupported` with ONNX Runtime's sentence; `lost` when the thread dies meanwhile
 */
export async function startInstance(
  { label, format, path }: ModelSource,
  { executionProvider, threads = 1, workerUrl = WORKER }: ThreadOptions,
): Promise<Instance> {
  const workerData: WorkerInput = { label, format, path, threads, executionProvider };
  const worker = new Worker(workerUrl, { workerData, name: label });
  const { promise, resolve, reject } = Promise.withResolvers<FromWorker & { kind: 'ready' }>();
  const exited = new Promise<EngineError>((end) => {
    let cause: unknown;
    worker.on('error', (error) => {
      cause = error;
    });
    worker.once('exit', (code) => {
      const lost = new EngineError('lost', `the thread of ${label} ended (code ${code}): try again`, cause);
      reject(lost);
      end(lost);
    });
  });
  worker.once('message', (message: FromWorker) => {
    if (message.kind === 'ready') resolve(message);
    else if (message.kind === 'failed') reject(new EngineError('unsupported', message.message));
  });
  const { inputs, outputs } = await promise;
  return new ThreadInstance(worker, exited, { inputs, outputs, onGpu: executionProvider !== 'cpu' });
}

class ThreadInstance implements Instance {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly onGpu: boolean;
  /** The second waits at the thread's door while the first runs, which hides the way there and back. */
  readonly concurrency = 2;
  readonly lost: Promise<EngineError>;
  readonly #worker: Worker;
  readonly #exited: Promise<EngineError>;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #gone: EngineError | undefined;
  #unloading = false;

  constructor(
    worker: Worker,
    exited: Promise<EngineError>,
    { inputs, outputs, onGpu }: Pick<Instance, 'inputs' | 'outputs'> & { onGpu: boolean },
  ) {
    this.#worker = worker;
    this.#exited = exited;
    this.inputs = inputs;
    this.outputs = outputs;
    this.onGpu = onGpu;
    const { promise, resolve } = Promise.withResolvers<EngineError>();
    this.lost = promise;
    worker.on('message', (message: FromWorker) => this.#receive(message));
    void exited.then((error) => {
      this.#gone = error;
      for (const run of this.#pending.values()) run.reject(error);
      this.#pending.clear();
      if (!this.#unloading) resolve(error);
    });
  }

  async run({ inputs, outputs }: RunInput): Promise<RunOutput> {
    if (this.#gone) throw this.#gone;
    const wire = inputs.map(toWire);
    const id = this.#nextId++;
    return await new Promise<RunOutput>((resolve, reject) => {
      this.#send({ kind: 'run', id, inputs: wire, outputs }, buffersOf(wire));
      this.#pending.set(id, { resolve, reject });
    });
  }

  /** Never `terminate()`: in the middle of a run that takes the whole process down. */
  async unload(): Promise<void> {
    if (!this.#unloading && !this.#gone) {
      this.#unloading = true;
      this.#send({ kind: 'close' });
    }
    await this.#exited;
  }

  #send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromWorker): void {
    if (message.kind !== 'result' && message.kind !== 'refused') return;
    const run = this.#pending.get(message.id);
    if (!run) return;
    this.#pending.delete(message.id);
    if (message.kind === 'refused') {
      run.reject(new EngineError('refused', message.message));
      return;
    }
    try {
      run.resolve({ outputs: message.outputs.map(fromWire), runMs: message.runMs });
    } catch (error) {
      run.reject(error as EngineError);
    }
  }
}
