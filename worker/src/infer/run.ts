/** Runs a request where placement says, and tries the next node when one fails. */
import { batchItems, LeptonError, type Placement, type Tensor } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import { isTooLongForEdge } from '../dispatch/edge-time.ts';
import { type PlaceDecision, place } from '../dispatch/place.ts';
import type { LiveNode } from '../hubs/fleet-hub.ts';
import type { KnownVersion, Resolved } from '../services/directory.ts';
import type { NodeAnswer } from './call-node.ts';
import { countRun } from './count.ts';
import type { Deadline } from './deadline.ts';
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

/** How many nodes a request may be sent to, one after the other. */
const MAX_NODES_TRIED = 2;
/** In less than that no second node would answer. */
const MIN_TRY_MS = 10;

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
  const { decision, nodes } = await decide(gateway, input.target, input.asked, waitUntil, edge);
  if (decision.kind !== 'edge') return await runOnNodes(gateway, nodesOf(decision, nodes), input, timings);
  try {
    return await runAtEdge(gateway, input, timings, waitUntil);
  } catch (error) {
    const order = elsewhere(error, decision.otherwise, nodes);
    if (order.length === 0) throw error;
    return await runOnNodes(gateway, order, input, timings);
  }
}

/** The nodes to try, in this order. @throws LeptonError where placement refused */
export function nodesOf(decision: PlaceDecision, nodes: readonly LiveNode[]): LiveNode[] {
  if (decision.kind !== 'refused') return inOrder(decision.kind === 'node' ? decision.ids : [], nodes);
  const { code, message } = decision;
  throw new LeptonError(code, message, code === 'no_placement' ? { retryAfterSeconds: 2 } : {});
}

/** Where to run what the edge had no place for after all. */
function elsewhere(error: unknown, ids: readonly string[], nodes: readonly LiveNode[]): LiveNode[] {
  return error instanceof LeptonError && error.code === 'no_placement' ? inOrder(ids, nodes) : [];
}

function inOrder(ids: readonly string[], nodes: readonly LiveNode[]): LiveNode[] {
  return ids.slice(0, MAX_NODES_TRIED).flatMap((id) => nodes.find((node) => node.id === id) ?? []);
}

/**
 * Where a version would run now, and the nodes that are ready.
 * @param edge why this request is none for the edge: of its version, or now
 */
export async function decide(
  gateway: Gateway,
  { model, version }: Resolved,
  asked: 'edge' | 'node' | undefined,
  waitUntil: WaitUntil,
  edge: { ineligible?: string; unavailable?: string | undefined } = {},
): Promise<{ decision: PlaceDecision; nodes: readonly LiveNode[] }> {
  const { manifest, digest, edgeEligible, edgeReason } = version;
  const { policy, regions } = manifest.placement;
  const nodes = policy === 'edge' ? [] : await gateway.fleet.ready(waitUntil);
  const decision = place({
    policy,
    asked,
    edge: {
      ineligible: edgeEligible ? edge.ineligible : (edgeReason ?? 'its admission did not allow it'),
      unavailable: gateway.edge.unavailableFor(model.id) ?? edge.unavailable,
    },
    nodes: nodes.map(({ id, region, heartbeat }) => ({
      id,
      region,
      pending: heartbeat.inFlight + heartbeat.queued,
      loaded: new Set(heartbeat.loaded.map((model) => model.digest)),
    })),
    regions,
    versionDigest: digest,
  });
  return { decision, nodes };
}

function tooLargeForEdge({ edgeTried }: KnownVersion, inputs: readonly Tensor[]): string | undefined {
  if (!edgeTried) return undefined;
  const elements = inputs.reduce((sum, { data }) => sum + data.length, 0);
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
    sizeBytes: version.sizeBytes,
    wasmBytes: version.wasmBytes,
    fetch: () => timings.measure('fetch', () => fetchModel(gateway.blobs, version)),
  };
  const { outputs } = await timings.measure('edge', () =>
    gateway.edge.run(model, input.inputs, input.outputs, waitUntil, () => input.schedule.deadline?.check()),
  );
  return { outputs, placement: 'edge' };
}

async function runOnNodes(
  gateway: Gateway,
  nodes: readonly LiveNode[],
  input: RunInput,
  timings: Timings,
): Promise<RunOutcome> {
  const ask = (node: LiveNode) => runOnNode(gateway, node, input, timings);
  const { value, placement } = await askNodes(gateway, nodes, timings, ask, input.schedule.deadline);
  return { outputs: value, placement };
}

/** Asks one after the other until one has answered, or says what would be said anywhere. @throws LeptonError of the last one */
export async function askNodes<T>(
  gateway: Gateway,
  nodes: readonly LiveNode[],
  timings: Timings,
  ask: (node: LiveNode) => Promise<NodeAnswer<T>>,
  deadline?: Deadline,
): Promise<{ value: T; placement: Placement }> {
  let last: LeptonError | undefined;
  for (const node of nodes) {
    if (last && deadline && deadline.leftMs() < MIN_TRY_MS) throw last;
    const answer = await timings.measure('node', () => ask(node));
    if (answer.ok) return { value: answer.value, placement: `node:${node.id}` };
    if (answer.kind === 'refused') throw answer.error;
    // A node that says so has too much to do; one that did not answer has taken the time.
    if (answer.kind === 'lost' && answer.error.code === 'deadline_exceeded') throw answer.error;
    if (answer.kind === 'lost') gateway.fleet.failed(node.id);
    last = answer.error;
  }
  throw (
    last ?? new LeptonError('no_placement', 'this model needs a gpu-node, and none is ready', { retryAfterSeconds: 2 })
  );
}
