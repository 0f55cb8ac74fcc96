/** Runs a request where placement says. */
import { batchItems, batchPlan, type ErrorCode, LeptonError, type Placement, type Tensor } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import { edgeCost, isTooLongForEdge } from '../dispatch/edge-time.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import { askNodes } from './ask-nodes.ts';
import { countRun } from './count.ts';
import { decide } from './decide.ts';
import { fetchModel } from './fetch-model.ts';
import { runOnNode } from './run-on-node.ts';
import type { Schedule } from './schedule.ts';
import type { Timings } from './timings.ts';
import type { Tracing } from './tracing.ts';

export interface RunInput {
  target: Resolved;
  inputs: readonly Tensor[];
  /** The outputs wanted, in order; never empty. */
  outputs: readonly string[];
  asked: 'edge' | 'node' | undefined;
  schedule: Schedule;
  tracing: Tracing;
}

/** Plain data: identical requests share it. */
export interface RunOutcome {
  outputs: Tensor[];
  placement: Placement;
}

/** @throws LeptonError as placement, the edge and the nodes do. */
export async function run(
  gateway: Gateway,
  input: RunInput,
  timings: Timings,
  waitUntil: WaitUntil,
): Promise<RunOutcome> {
  const { target, inputs } = input;
  const items = batchItems(target.version.manifest.inputs, inputs);
  return await countRun(gateway, target, items, waitUntil, () => runPlaced(gateway, input, timings, waitUntil));
}

async function runPlaced(
  gateway: Gateway,
  input: RunInput,
  timings: Timings,
  waitUntil: WaitUntil,
): Promise<RunOutcome> {
  const { version } = input.target;
  const edge = { unavailable: tooLargeForEdge(version, input.inputs) };
  const decideNow = () => decide(gateway, input.target, input.asked, waitUntil, edge);
  const decided = await decideNow();
  if (decided.decision.kind === 'edge') {
    try {
      return await runAtEdge(gateway, input, timings, waitUntil);
    } catch (error) {
      const isFull = error instanceof LeptonError && FULL.has(error.code);
      if (!isFull || decided.order.length === 0) throw error;
    }
  }
  const { value, placement } = await askNodes(
    gateway,
    {
      digest: version.digest,
      decided,
      decideAgain: decideNow,
      deadline: input.schedule.deadline,
      ask: (node, signal) => runOnNode(gateway, node, { ...input, signal }, timings),
    },
    timings,
  );
  return { outputs: value, placement };
}

/** What the edge says where it cannot run something now that a node may run. */
const FULL: ReadonlySet<ErrorCode> = new Set(['no_placement', 'overloaded']);

function tooLargeForEdge({ edgeTried }: KnownVersion, inputs: readonly Tensor[]): string | undefined {
  if (!edgeTried) return undefined;
  const elements = elementsOf(inputs);
  if (!isTooLongForEdge(edgeTried, elements)) return undefined;
  return `its inputs have ${elements} elements, too many to be run at the edge: it was tried there with ${edgeTried.elements}`;
}

async function runAtEdge(
  gateway: Gateway,
  input: RunInput,
  timings: Timings,
  waitUntil: WaitUntil,
): Promise<RunOutcome> {
  const { model: known, version } = input.target;
  const model = {
    digest: version.digest,
    modelId: known.id,
    version: version.version,
    sizeBytes: version.sizeBytes,
    wasmBytes: version.wasmBytes,
    fetch: () => timings.measure('fetch', () => fetchModel(gateway.blobs, version)),
    batchPlan: () => edgePlanOf(version),
  };
  const { inputs, outputs, schedule } = input;
  const call = {
    ...{ inputs, outputs, waitUntil },
    cost: version.edgeTried ? edgeCost(version.edgeTried, elementsOf(inputs)) : UNKNOWN_COST,
    isAlone: gateway.bodies.isAlone,
    check: () => schedule.deadline?.check(),
  };
  return await input.tracing.within('run at the edge', async (part) => {
    const ran = await timings.measure('edge', () => gateway.edge.run(model, call));
    timings.move('edge', 'queue', ran.queuedMs);
    part.note({ 'lepton.edge.queue_ms': { doubleValue: ran.queuedMs }, 'lepton.edge.shared_by': ran.shared });
    return { outputs: ran.outputs, placement: 'edge' };
  });
}

/** Of a version that was never tried at the edge, and is not run there. */
const UNKNOWN_COST = { aloneMs: 1, sharedMs: 1 };

function edgePlanOf({ manifest, edgeBatchSize }: KnownVersion) {
  const batching = { ...manifest.batching, maxBatchSize: edgeBatchSize, maxDelayMs: 0 };
  return batchPlan({ ...manifest, batching });
}

function elementsOf(inputs: readonly Tensor[]): number {
  return inputs.reduce((sum, { data }) => sum + data.length, 0);
}
