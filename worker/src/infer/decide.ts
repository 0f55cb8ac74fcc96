/** Where a version would run now, by what the isolate knows of the edge and of the fleet. */
import { LeptonError } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import { type PlaceCandidate, type PlaceDecision, place } from '../dispatch/place.ts';
import type { FleetView, HeardNode } from '../hubs/fleet.ts';
import type { Resolved } from '../services/directory.ts';

export interface Decision {
  decision: PlaceDecision;
  /** The nodes to try, in this order; where the edge comes first, those for when it has no room after all. */
  order: readonly HeardNode[];
  /** Whether a node that would do was silent a moment ago and may be about to come back. */
  awaited: boolean;
  hears: FleetView['hears'];
  /** False where the hub could not be asked, and so no node is known. */
  isKnown: boolean;
}

/** Why a request is none for the edge: of its version, or now. */
export interface EdgeObstacle {
  ineligible?: string;
  unavailable?: string | undefined;
}

/** @throws LeptonError `no_placement` where it could be on a node only, and none is known because the hub cannot be asked */
export async function decide(
  gateway: Gateway,
  { model, version }: Resolved,
  asked: 'edge' | 'node' | undefined,
  waitUntil: WaitUntil,
  edge: EdgeObstacle = {},
): Promise<Decision> {
  const { manifest, digest, edgeEligible, edgeReason } = version;
  const { policy, regions } = manifest.placement;
  const placeAmong = (nodes: readonly HeardNode[]) =>
    place({
      policy,
      asked,
      edge: {
        ineligible: edgeEligible ? edge.ineligible : (edgeReason ?? 'its admission did not allow it'),
        unavailable: gateway.edge.unavailableFor(model.id) ?? edge.unavailable,
      },
      nodes: nodes.map((node) => candidateOf(gateway, node, digest)),
      regions,
      versionDigest: digest,
    });
  let away: unknown;
  const unknown = (cause: unknown) => {
    away = cause;
    return NO_FLEET;
  };
  const view = policy === 'edge' ? NO_FLEET : await gateway.fleet.view(waitUntil).catch(unknown);
  const decision = placeAmong(view.ready);
  if (away !== undefined && decision.kind === 'refused' && decision.code === 'no_placement') {
    const message = 'this model needs a gpu-node, and which are ready cannot be found out now: try again';
    throw new LeptonError('no_placement', message, { cause: away, retryAfterSeconds: 2 });
  }
  const order = idsOf(decision).flatMap((id) => view.ready.find((node) => node.id === id) ?? []);
  const awaited = view.awaited.length > 0 && idsOf(placeAmong(view.awaited)).length > 0;
  return { decision, order, awaited, hears: view.hears, isKnown: away === undefined };
}

/** What a caller is told where nothing can run. */
export function refusalOf(decision: PlaceDecision): LeptonError {
  const refused = decision.kind === 'refused';
  const code = refused ? decision.code : 'no_placement';
  const message = refused ? decision.message : 'this model needs a gpu-node, and none is ready';
  return new LeptonError(code, message, code === 'no_placement' ? { retryAfterSeconds: 2 } : {});
}

const NO_FLEET: FleetView = { ready: [], awaited: [], hears: () => false };

function candidateOf({ fleet }: Gateway, node: HeardNode, digest: string): PlaceCandidate {
  const { id, region, heartbeat } = node;
  const { pending, called } = fleet.workOf(node, digest);
  const loaded = heartbeat.loaded.find((model) => model.digest === digest);
  return { id, region, pending, has: called || loaded !== undefined, requestMs: loaded?.recent?.requestMs };
}

function idsOf(decision: PlaceDecision): readonly string[] {
  if (decision.kind === 'refused') return [];
  return decision.kind === 'node' ? decision.ids : decision.otherwise;
}
