/** What the node and the process of a trial say to each other. */
import type { Manifest, TensorSpec, TrialFailure, TrialReport } from '@lepton-edge/protocol';
import type { ModelSource } from '../engines/engine.ts';

/** Sent to the process once it has started. */
export interface TrialJob {
  source: ModelSource;
  manifest: Manifest;
  /** The node's name, for the report. */
  where: string;
}

/** Sent back, in this order; what ends without a last one was brought down. */
export type TrialNews =
  | { kind: 'started' }
  | { kind: 'loaded' }
  | { kind: 'done'; report: TrialReport; inputs: TensorSpec[]; outputs: TensorSpec[] }
  | { kind: 'failed'; failure: TrialFailure };
