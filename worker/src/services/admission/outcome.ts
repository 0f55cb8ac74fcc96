/** What a trial, wherever it was, comes back with. */
import type { TensorSpec, TrialFailure, TrialReport } from '@lepton-edge/protocol';

export type TrialOutcome =
  /** The signature is what the engine says it is. */
  { ok: true; report: TrialReport; inputs: TensorSpec[]; outputs: TensorSpec[] } | { ok: false; failure: TrialFailure };
