/** Runs a request where placement says. */
import { batchItems, batchPlan, LeptonError, type Placement, type Tensor } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway, Principal } from '../context.ts';
import { type EdgeCost, edgeCost, isTooLongForEdge } from '../dispatch/edge-time.ts';
import type { EdgeModel } from '../edge/edge-call.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import { askNodes } from './ask-nodes.ts';
import { charge } from './charge.ts';
import { countRun } from './count.ts';
import { decide, decideAtOnce, type PlaceRequest } from './decide.ts';
import { fetchModel } from './fetch-model.ts';
import { runOnNode } from './run-on-node.ts';
import type { Schedule } from './schedule.ts';
import { Timings } from './timings.ts';
import type { Tracing } from './tracing.ts';

export interface RunInput {
  target: Resolved;
  inputs: readonly Tensor[];
  /** The outputs wanted, in order; never empty. */
  outputs: readonly string[];
  asked: 'edge' | 'node' | undefined;
  schedule: Schedule;
  tracing: Tracing;
  /** Whose quota the elements of the inputs count against; undefined: nobody's. */
  payer?: Principal;
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
  const work = () => countRun(gateway, target, items, waitUntil, () => runPlaced(gateway, input, timings, waitUntil));
  return await charge(gateway, input.payer, elementsIn(inputs), waitUntil, work);
}

async function runPlaced(
  gateway: Gateway,
  input: RunInput,
  timings: Timings,
  waitUntil: WaitUntil,
): Promise<RunOutcome> {
  const { target, asked, schedule } = input;
  const elements = elementsIn(input.inputs);
  const asker = { team: schedule.tenant, size: elements };
  const { edgeTried } = target.version;
  const cost = edgeTried ? edgeCost(edgeTried, elements) : UNKNOWN_COST;
  let unavailable = tooLargeForEdge(target.version, elements);
  const requestNow = (mayTry?: (process: string) => boolean): PlaceRequest => {
    const leftMs = schedule.deadline?.leftMs() ?? Number.POSITIVE_INFINITY;
    return { target, asker, asked, edgeRunMs: cost.aloneMs, leftMs, mayTry, edge: { unavailable } };
  };
  const decideAgain = (mayTry?: (process: string) => boolean) => decide(gateway, requestNow(mayTry), waitUntil);
  const model = edgeModelOf(gateway, target, timings);
  let decided = decideAtOnce(gateway, requestNow(), waitUntil) ?? (await decideAgain());
  if (decided.decision.kind === 'edge') {
    try {
      return await runAtEdge(gateway, model, cost, input, timings, waitUntil);
    } catch (error) {
      if (!isFull(error) || asked !== undefined || target.version.manifest.placement.policy === 'edge') throw error;
      unavailable = error.message;
      decided = await decideAgain();
      if (decided.decision.kind === 'refused') throw error;
    }
  } else if (decided.decision.kind === 'node' && decided.decision.warmsEdge) {
    // Nobody waits for that: it is no phase of this request.
    const warmed = edgeModelOf(gateway, target, new Timings());
    waitUntil(gateway.edge.warm(warmed, waitUntil).catch(() => undefined));
  }
  const answered = await askNodes(
    gateway,
    {
      version: target.version,
      asker,
      decided,
      decideAgain,
      deadline: schedule.deadline,
      ask: (node, patience) => runOnNode(gateway, node, input, patience, timings),
    },
    timings,
  );
  if (!answered) return await runAtEdge(gateway, model, cost, input, timings, waitUntil);
  return { outputs: answered.value, placement: answered.placement };
}

/** Whether the edge has no room for it now; a node may. */
function isFull(error: unknown): error is LeptonError {
  return error instanceof LeptonError && (error.code === 'no_placement' || error.code === 'overloaded');
}

function tooLargeForEdge({ edgeTried }: KnownVersion, elements: number): string | undefined {
  if (!edgeTried || !isTooLongForEdge(edgeTried, elements)) return undefined;
  return `its inputs have ${elements} elements, too many to be run at the edge: it was tried there with ${edgeTried.elements}`;
}

function edgeModelOf({ blobs }: Gateway, { model, version }: Resolved, timings: Timings): EdgeModel {
  const { digest, sizeBytes, wasmBytes } = version;
  return {
    ...{ digest, modelId: model.id, version: version.version, sizeBytes, wasmBytes },
    fetch: () => timings.measure('fetch', () => fetchModel(blobs, version)),
    batchPlan: () => edgePlanOf(version),
  };
}

function elementsIn(inputs: readonly Tensor[]): number {
  return inputs.reduce((sum, { data }) => sum + data.length, 0);
}

async function runAtEdge(
  gateway: Gateway,
  model: EdgeModel,
  cost: EdgeCost,
  { inputs, outputs, schedule, tracing }: RunInput,
  timings: Timings,
  waitUntil: WaitUntil,
): Promise<RunOutcome> {
  const check = () => schedule.deadline?.check();
  const { tenant } = schedule;
  const call = { inputs, outputs, cost, tenant, isAlone: gateway.bodies.isAlone, check, waitUntil };
  return await tracing.within('run at the edge', async (part) => {
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
