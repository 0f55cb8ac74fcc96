/** What the node and the process of a trial say to each other. */
import type { Manifest, Tensor, TensorSpec, TrialFailure, TrialReport } from '@lepton-edge/protocol';
import type { ModelSource } from '../engines/engine.ts';

/** Sent to the process once it has started. */
export interface TrialJob {
  source: ModelSource;
  manifest: Manifest;
  /** The node's name, for the report. */
  where: string;
  /** Whether an engine beside the CPU's is to be tried with what was run. */
  wantsSample: boolean;
}

/** What the model was run on first, and its answer. */
export interface TrialSample {
  inputs: Tensor[];
  outputs: Tensor[];
}

/** Sent back, in this order; what ends without a last one was brought down. */
export type TrialNews =
  | { kind: 'started' }
  | { kind: 'loaded' }
  | { kind: 'done'; report: TrialReport; inputs: TensorSpec[]; outputs: TensorSpec[]; sample?: TrialSample }
  | { kind: 'failed'; failure: TrialFailure };
