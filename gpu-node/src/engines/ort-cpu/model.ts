/** One model on the CPU, in as many copies as pay: a run goes to the one with the least to do, and one that dies takes only its own along. */
import type {
  CopyRoom,
  EngineError,
  Instance,
  ModelSource,
  RunInput,
  RunOutput,
  TensorInfo,
  Tuning,
} from '../engine.ts';
import { startInstance } from '../onnx-runtime/thread/instance.ts';
import { type CpuOptions, tune } from './tune.ts';

interface Copy {
  instance: Instance;
  running: number;
}

export class CpuModel implements Instance {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly lost: Promise<EngineError>;
  readonly #start: (threads: number) => Promise<Instance>;
  readonly #options: CpuOptions;
  readonly #lose: (error: EngineError) => void;
  #copies: Copy[];
  #gone: EngineError | undefined;

  private constructor(first: Instance, start: (threads: number) => Promise<Instance>, options: CpuOptions) {
    this.inputs = first.inputs;
    this.outputs = first.outputs;
    this.#start = start;
    this.#options = options;
    const { promise, resolve } = Promise.withResolvers<EngineError>();
    this.lost = promise;
    this.#lose = resolve;
    this.#copies = [this.#watched(first)];
  }

  /** @param workerUrl as `ThreadOptions` @throws EngineError as `Engine.load` */
  static async load(source: ModelSource, options: CpuOptions, workerUrl?: URL): Promise<CpuModel> {
    const start = (threads: number) => startInstance(source, { executionProvider: 'cpu', threads, workerUrl });
    const { threads } = options;
    return new CpuModel(await start(threads === 'auto' ? 1 : threads), start, options);
  }

  get parallel(): number {
    return this.#copies.length;
  }

  get concurrency(): number {
    return this.#copies.reduce((sum, { instance }) => sum + instance.concurrency, 0);
  }

  async tune(sample: (() => RunInput) | undefined, room: CopyRoom): Promise<Tuning> {
    const first = this.#copies[0]?.instance;
    if (!first) return { threads: 1, copies: 0 };
    const { tuning, instances } = await tune(first, this.#start, this.#options, sample, room);
    if (this.#gone) {
      await Promise.all(instances.map((instance) => instance.unload()));
      throw this.#gone;
    }
    const before = this.#copies;
    this.#copies = instances.map((instance) => {
      return before.find((copy) => copy.instance === instance) ?? this.#watched(instance);
    });
    await Promise.all(before.map(({ instance }) => (instances.includes(instance) ? undefined : instance.unload())));
    return tuning;
  }

  async run(input: RunInput): Promise<RunOutput> {
    const [first, ...others] = this.#copies;
    if (!first) throw this.#gone;
    const copy = others.reduce((least, other) => (other.running < least.running ? other : least), first);
    copy.running++;
    try {
      return await copy.instance.run(input);
    } finally {
      copy.running--;
    }
  }

  async unload(): Promise<void> {
    await Promise.all(this.#copies.map(({ instance }) => instance.unload()));
  }

  /** Of several, those that are left go on. */
  #watched(instance: Instance): Copy {
    const copy = { instance, running: 0 };
    void instance.lost.then((error) => {
      this.#copies = this.#copies.filter((each) => each !== copy);
      if (this.#copies.length > 0) return;
      this.#gone = error;
      this.#lose(error);
    });
    return copy;
  }
}
