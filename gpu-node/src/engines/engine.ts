/** What an engine is to the rest of the node: it turns a model file into an instance that runs tensors. */
import type { EngineReport, Tensor, TensorSpec } from '@lepton-edge/protocol';

/** A verified model file on this machine; the engine only reads it, and only until `load` settles. */
export interface ModelSource {
  /** `name@3`, for messages. */
  label: string;
  format: 'onnx' | 'ort';
  path: string;
  /** Of all files the model reads; that of `path` alone where it is absent. */
  sizeBytes?: number;
  /** Engines that are not to be asked, each with the reason. */
  avoid?: Readonly<Record<string, string>>;
  /** To be called before the model goes to a GPU, with the bytes it takes there; resolves once they are free. */
  makeRoomOnGpu?(bytes: number): Promise<void>;
}

/** `-1` in the shape stands for a dynamic axis. */
export type TensorInfo = TensorSpec;

export interface RunInput {
  /**
   * Every input of the model. Owned by the engine from the call on, whole buffers included: they may be moved away, and
   * are not given back when the run fails.
   */
  inputs: readonly Tensor[];
  /** The outputs wanted, at least one. */
  outputs: readonly string[];
}

export interface RunOutput {
  /** In the order asked for; owned by the caller. */
  outputs: Tensor[];
  /** Time of the run itself, without waiting and transport. */
  runMs: number;
}

export interface Tuning {
  /** A run is on. */
  threads: number;
  /** Each with the weights of its own. */
  copies: number;
}

/** Memory for copies of a model beside its first. */
export interface CopyRoom {
  /** How many there is room for now. */
  readonly free: number;
  /**
   * Must come before copies are made: others load meanwhile. What tuning does not keep is free again once it has ended.
   * @returns for how many of them there still was room
   */
  book(copies: number): number;
}

/** One loaded model. */
export interface Instance {
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  /** How many runs to hand over at a time to keep the instance busy; more would only wait inside. */
  readonly concurrency: number;
  /** How many runs it works on at the same time; 1 where absent. */
  readonly parallel?: number;
  /** Whether its weights are on a GPU. */
  readonly onGpu?: boolean;
  /** Operators that run on the CPU though the engine has a GPU, with how many there are; absent where that is not known. */
  readonly cpuOperators?: Readonly<Record<string, number>>;
  /**
   * Finds out how the machine is used best for the model, which costs at most 300 ms beside one more load and one more run of it.
   * Called once, before the model serves; absent where there is nothing to choose.
   * @param sample makes a run that the model takes, undefined where none is known
   * @param room for more copies
   * @throws EngineError `lost` when the instance is gone meanwhile
   */
  tune?(sample: (() => RunInput) | undefined, room: CopyRoom): Promise<Tuning>;
  /**
   * @throws EngineError `refused`: the model does not take this input; the instance goes on.
   * @throws EngineError `lost`: what it was on is gone, and every run that was there fails so.
   */
  run(input: RunInput): Promise<RunOutput>;
  /** Settles, with the reason, when the instance is gone without `unload`; it must then be loaded again. */
  readonly lost: Promise<EngineError>;
  /** Frees everything once the runs under way have ended. Idempotent; no run may be begun after it. */
  unload(): Promise<void>;
}

export interface Engine {
  readonly report: EngineReport;
  /**
   * Whatever fails leaves nothing behind and does no harm to other instances.
   * @throws EngineError `unsupported`: never will on this engine; `lost`: may work another time.
   */
  load(source: ModelSource): Promise<Instance>;
  /**
   * The same in processes of its own, where a model that brings them down harms no other: for trials. Absent where an engine
   * cannot.
   * @param limitMs of each load and of each run; what takes longer is `lost`
   */
  loadApart?(source: ModelSource, limitMs: number): Promise<Instance>;
}

/** How the registry learns of an engine: cheap to make, nothing starts before `start`. */
export interface EngineRegistration {
  readonly name: string;
  /** Higher is asked first. */
  readonly priority: number;
  /** Rejects, saying why, where this machine cannot run the engine. */
  start(): Promise<Engine>;
}

export type EngineFailure = 'refused' | 'unsupported' | 'lost';

/** Why an engine did not do what it was asked; `message` may be shown to callers. */
export class EngineError extends Error {
  override readonly name = 'EngineError';
  readonly failure: EngineFailure;

  constructor(failure: EngineFailure, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.failure = failure;
  }
}
