/** What the edge is asked to run, and what comes of it. */
import type { BatchPlan, Tensor } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { EdgeCost } from '../dispatch/edge-time.ts';

/** What to run: a version's one file, fetched when no session holds it yet. */
export interface EdgeModel {
  digest: string;
  /** Whose it is: what one model does is not held against another one of the same files. */
  modelId: string;
  version: number;
  sizeBytes: number;
  /** What it takes of the heap, where that was measured. */
  wasmBytes: number | undefined;
  fetch(): Promise<Uint8Array>;
  /** How its runs may be shared, where they may: asked once a session. */
  batchPlan(): BatchPlan | undefined;
}

export interface EdgeCall {
  inputs: readonly Tensor[];
  /** The outputs wanted, in order. */
  outputs: readonly string[];
  cost: EdgeCost;
  /** Whose it is: teams take turns. */
  tenant: string;
  /** Whether no other request is worked on in this isolate: then there is nobody to wait for. */
  isAlone: boolean;
  /** Throws when the run is no longer to begin. */
  check(): void;
  waitUntil: WaitUntil;
}

/** Names the line of a team's requests for a version. */
export function lineOf(modelId: string, version: number, tenant: string): string {
  return `${modelId}/${version} ${tenant}`;
}

export interface EdgeRun {
  outputs: Tensor[];
  /** How long it waited for its turn. */
  queuedMs: number;
  /** How many requests shared the run. */
  shared: number;
}
