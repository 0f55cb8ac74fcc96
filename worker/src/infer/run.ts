/** Runs a request where placement says. */
import { batchItems, LeptonError, type Placement, type Tensor } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway, Principal } from '../context.ts';
import { isTooLongForEdge } from '../dispatch/edge-time.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import { askNodes } from './ask-nodes.ts';
import { charge } from './charge.ts';
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
  const { version } = input.target;
  const edge = { unavailable: tooLargeForEdge(version, input.inputs) };
  const decideNow = () => decide(gateway, input.target, input.asked, waitUntil, edge);
  const decided = await decideNow();
  if (decided.decision.kind === 'edge') {
    try {
      return await runAtEdge(gateway, input, timings, waitUntil);
    } catch (error) {
      const isFull = error instanceof LeptonError && error.code === 'no_placement';
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

function tooLargeForEdge({ edgeTried }: KnownVersion, inputs: readonly Tensor[]): string | undefined {
  if (!edgeTried) return undefined;
  const elements = elementsIn(inputs);
  if (!isTooLongForEdge(edgeTried, elements)) return undefined;
  return `its inputs have ${elements} elements, too many to be run at the edge: it was tried there with ${edgeTried.elements}`;
}

function elementsIn(inputs: readonly Tensor[]): number {
  return inputs.reduce((sum, { data }) => sum + data.length, 0);
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
    sizeBytes: version.sizeBytes,
    wasmBytes: version.wasmBytes,
    fetch: () => timings.measure('fetch', () => fetchModel(gateway.blobs, version)),
  };
  const { outputs } = await timings.measure('edge', () =>
    gateway.edge.run(model, input.inputs, input.outputs, waitUntil, () => input.schedule.deadline?.check()),
  );
  return { outputs, placement: 'edge' };
}
