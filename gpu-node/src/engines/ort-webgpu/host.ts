/**
 * The models on one adapter: their process, started when the first is loaded and ended with the last; after a crash again,
 * later each time; and anew when what it cannot give back has become too much.
 */
import { EngineError, type Instance, type ModelSource } from '../engine.ts';
import { bytesOf } from '../onnx-runtime/model-bytes.ts';
import { AdapterProcess, type ProcessEnd } from './adapter-process.ts';
import { checkDatatypes } from './datatypes.ts';
import { AdapterInstance } from './instance.ts';
import { cpuOperators, type OperatorCounts } from './placement.ts';
import { Quarantine } from './quarantine.ts';

export interface HostOptions {
  /** Whether a model of which an operator would run on the CPU is turned away. */
  strict: boolean;
  /** A run, and a load, that takes longer is taken for hung. */
  runLimitMs: number;
  loadLimitMs: number;
  /** How many bytes of models may leak before the process is replaced. */
  maxLeakedBytes: number;
  /** Replaces the node's environment. */
  env?: Record<string, string>;
}

const BACKOFF_FIRST_MS = 500;
const BACKOFF_LAST_MS = 30_000;

/** What lives in one process. */
interface Generation {
  process: AdapterProcess;
  instances: Set<AdapterInstance>;
  /** Loads under way. */
  loading: number;
  leakedBytes: number;
  /** By label: whom to blame for a crash. */
  keys: Map<string, string>;
}

export class AdapterHost {
  readonly #options: HostOptions;
  readonly #quarantine = new Quarantine();
  #current: Generation | undefined;
  #nextSession = 1;
  #crashes = 0;
  #notBefore = 0;

  constructor(options: HostOptions) {
    this.#options = options;
  }

  /** Of the process that works now. */
  get pid(): number | undefined {
    return this.#current?.process.pid;
  }

  /** As `Engine.load`. */
  async load(source: ModelSource): Promise<Instance> {
    const bytes = await bytesOf(source);
    const key = `${source.label} ${bytes}`;
    this.#quarantine.check(key);
    this.#checkBackoff();
    const onCpu = await this.#survey(source, key);
    await source.makeRoomOnGpu?.(bytes);
    const generation = this.#current ?? this.#begin();
    const { process, instances } = generation;
    const session = this.#nextSession++;
    generation.keys.set(source.label, key);
    generation.loading++;
    try {
      const { inputs, outputs } = await this.#open(process, source, session, false);
      if (generation !== this.#current) throw new EngineError('lost', `its process was replaced meanwhile: try again`);
      const instance = new AdapterInstance({
        process,
        session,
        label: source.label,
        inputs,
        outputs,
        ...(onCpu ? { cpuOperators: onCpu } : {}),
        runLimitMs: this.#options.runLimitMs,
        onRun: () => {
          this.#crashes = 0;
        },
        onUnload: (gone) => this.#release(generation, gone, bytes),
      });
      instances.add(instance);
      return instance;
    } finally {
      generation.loading--;
      this.#endIdle(generation);
    }
  }

  /**
   * Loads a model in a process of its own first: one that crashes or hangs there harms no other, and what ONNX Runtime logs is
   * of it alone.
   * @returns its operators on the CPU, undefined where ONNX Runtime does not tell
   */
  async #survey(source: ModelSource, key: string): Promise<OperatorCounts | undefined> {
    const process = new AdapterProcess({ env: this.#options.env, keepLog: true });
    try {
      const { inputs, outputs } = await this.#open(process, source, 0, true);
      checkDatatypes(inputs, 'input', 'unsupported');
      checkDatatypes(outputs, 'output', 'unsupported');
    } catch (error) {
      const { failure, message } = error as EngineError;
      if (failure === 'lost') this.#quarantine.strike(key, message);
      throw error;
    } finally {
      process.end();
      await process.ended;
    }
    const onCpu = cpuOperators(process.log);
    if (this.#options.strict) refuseCpu(onCpu);
    return onCpu;
  }

  async #open(process: AdapterProcess, { label, path, format }: ModelSource, session: number, survey: boolean) {
    const question = { kind: 'load', session, source: { path, format }, survey } as const;
    try {
      const { message } = await process.ask({ question, label, limitMs: this.#options.loadLimitMs });
      if (message.kind === 'ready') return message;
      throw new Error(`expected "ready" from the adapter's process, got ${JSON.stringify(message.kind)}`);
    } catch (error) {
      if (error instanceof EngineError && error.failure === 'refused') {
        throw new EngineError('unsupported', error.message, error);
      }
      throw error;
    }
  }

  #begin(): Generation {
    const process = new AdapterProcess({ env: this.#options.env });
    const generation: Generation = { process, instances: new Set(), loading: 0, leakedBytes: 0, keys: new Map() };
    this.#current = generation;
    void process.ended.then((end) => this.#ended(generation, end));
    return generation;
  }

  #ended(generation: Generation, { error, during }: ProcessEnd): void {
    const key = during && generation.keys.get(during.label);
    if (key !== undefined) this.#quarantine.strike(key, error.message);
    if (generation === this.#current) {
      this.#current = undefined;
      this.#crashes++;
      // Whoever crashes once may have had bad luck: the second waits.
      const delay = this.#crashes === 1 ? 0 : Math.min(BACKOFF_FIRST_MS * 2 ** (this.#crashes - 2), BACKOFF_LAST_MS);
      this.#notBefore = performance.now() + delay;
    }
    for (const instance of generation.instances) instance.lose(error);
  }

  /** @throws EngineError `lost` while the process is to stay down */
  #checkBackoff(): void {
    const waitMs = this.#notBefore - performance.now();
    if (waitMs <= 0) return;
    const seconds = Math.ceil(waitMs / 1000);
    throw new EngineError(
      'lost',
      `the process of the WebGPU adapter crashed ${this.#crashes} times: try again in ${seconds} s`,
    );
  }

  /** ONNX Runtime gives the weights back only when no other session is left: what was released before then adds up. */
  async #release(generation: Generation, gone: AdapterInstance, bytes: number): Promise<void> {
    const { process, instances } = generation;
    instances.delete(gone);
    if (generation !== this.#current) return;
    generation.leakedBytes += bytes;
    if (generation.leakedBytes > this.#options.maxLeakedBytes) this.#replace(generation);
    this.#endIdle(generation);
    if (generation === this.#current) {
      const question = { kind: 'release', session: gone.session } as const;
      // If it dies over it, the memory is free as well.
      await process.ask({ question, label: gone.label, limitMs: this.#options.runLimitMs }).catch(() => undefined);
    } else {
      await process.ended;
    }
  }

  /** The runs under way end where they are; the models that were loaded there are loaded again, when they are next asked for. */
  #replace(generation: Generation): void {
    this.#current = undefined;
    const error = new EngineError('lost', 'the process of the WebGPU adapter is replaced to free memory: try again');
    for (const instance of generation.instances) instance.lose(error);
    generation.process.end();
  }

  #endIdle(generation: Generation): void {
    if (generation !== this.#current || generation.loading > 0 || generation.instances.size > 0) return;
    this.#current = undefined;
    generation.process.end();
  }
}

function refuseCpu(onCpu: OperatorCounts | undefined): void {
  if (!onCpu)
    throw new EngineError(
      'unsupported',
      'ONNX Runtime does not tell where its operators run, which --webgpu-strict asks',
    );
  const operators = Object.keys(onCpu);
  if (operators.length === 0) return;
  throw new EngineError('unsupported', `--webgpu-strict: ${operators.join(', ')} would run on the CPU`);
}
