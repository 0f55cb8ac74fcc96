/** One model on an adapter: its session in the adapter's process. */
import { EngineError, type Instance, type RunInput, type RunOutput, type TensorInfo } from '../engine.ts';
import { fromWire, toWire } from '../onnx-runtime/tensors.ts';
import type { AdapterProcess } from './adapter-process.ts';
import { checkDatatypes } from './datatypes.ts';
import type { OperatorCounts } from './placement.ts';

interface Parts {
  process: AdapterProcess;
  session: number;
  label: string;
  inputs: readonly TensorInfo[];
  outputs: readonly TensorInfo[];
  cpuOperators?: OperatorCounts;
  runLimitMs: number;
  /** After each run that the model took. */
  onRun(): void;
  onUnload(instance: AdapterInstance): Promise<void>;
}

export class AdapterInstance implements Instance {
  readonly onGpu = true;
  readonly session: number;
  readonly label: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly cpuOperators?: OperatorCounts;
  /** The second waits in the pipe while the first runs, which hides the way there and back. */
  readonly concurrency = 2;
  readonly lost: Promise<EngineError>;
  readonly #parts: Parts;
  readonly #underWay = new Set<Promise<unknown>>();
  #lose: (error: EngineError) => void;
  #gone: EngineError | undefined;
  #unloaded: Promise<void> | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
    this.session = parts.session;
    this.label = parts.label;
    this.inputs = parts.inputs;
    this.outputs = parts.outputs;
    if (parts.cpuOperators) this.cpuOperators = parts.cpuOperators;
    const { promise, resolve } = Promise.withResolvers<EngineError>();
    this.lost = promise;
    this.#lose = resolve;
  }

  async run(input: RunInput): Promise<RunOutput> {
    if (this.#gone) throw this.#gone;
    const run = this.#run(input);
    this.#underWay.add(run);
    try {
      return await run;
    } finally {
      this.#underWay.delete(run);
    }
  }

  /** Its process is gone, or takes no new runs. */
  lose(error: EngineError): void {
    this.#gone ??= error;
    if (!this.#unloaded) this.#lose(error);
  }

  async unload(): Promise<void> {
    this.#unloaded ??= this.#gone ? Promise.resolve() : this.#unload();
    await this.#unloaded;
  }

  async #unload(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#parts.onUnload(this);
  }

  async #run({ inputs, outputs }: RunInput): Promise<RunOutput> {
    const { process, session, label, runLimitMs, onRun } = this.#parts;
    checkDatatypes(inputs, 'input', 'refused');
    const tensors = inputs.map(toWire);
    const question = { kind: 'run', session, outputs } as const;
    const answer = await process.ask({ question, tensors, label, limitMs: runLimitMs });
    if (answer.message.kind !== 'result') {
      throw new EngineError(
        'lost',
        `expected a result of ${label}, got ${JSON.stringify(answer.message.kind)}: try again`,
      );
    }
    onRun();
    return { outputs: answer.tensors.map(fromWire), runMs: answer.message.runMs };
  }
}
