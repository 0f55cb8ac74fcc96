/** What a request wants of a model, and what comes of it. */
import type { BatchPlan, Member, Tensor } from '@lepton-edge/protocol';
import type { Instance } from '../engines/engine.ts';
import type { InLine } from './fair-line.ts';
import type { Place } from './places.ts';

export interface Job {
  instance: Instance;
  /** Owned by the queue from here on. */
  inputs: readonly Tensor[];
  outputs: readonly string[];
  /** What the request counts for in statistics, and among tenants. */
  items: number;
  /** How it may share a run; absent where it must not. */
  batchable?: { plan: BatchPlan; member: Member } | undefined;
}

/** One run of the model. */
export interface Execution {
  items: number;
  /** Putting the inputs of all together. */
  inputMs: number;
  runMs: number;
  /** Taking the outputs apart. */
  outputMs: number;
}

export interface Ran {
  outputs: Tensor[];
  /** Time between asking for a run and its start. */
  queuedMs: number;
  execution: Execution;
  /** True for one of those that shared the run. */
  first: boolean;
}

/** One that waits for its turn. */
export interface Waiting extends Job, InLine {
  readonly items: number;
  readonly place: Place;
  readonly askedAt: number;
  /** Until then it may wait for others to run with. */
  readonly ripeAt: number;
  readonly resolve: (ran: Ran) => void;
  readonly reject: (error: unknown) => void;
}
