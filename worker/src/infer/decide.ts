/** Where a version would run now, by what the isolate knows of the edge and of the fleet. */
import { LeptonError, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import { chooseNode, isAllowed } from '../dispatch/choose-node.ts';
import { type EdgeState, type PlaceDecision, place } from '../dispatch/place.ts';
import type { Asker } from '../dispatch/version-work.ts';
import { type FleetCandidate, type FleetView, NO_FLEET } from '../hubs/fleet.ts';
import type { Resolved } from '../services/directory.ts';

export interface Decision {
  decision: PlaceDecision<FleetCandidate>;
  /** Whether a node that would do was silent a moment ago and may be about to come back. */
  awaited: boolean;
  /** Of no node where the edge was right without a look at the fleet: a call of a slow node gives way to it. */
  hears: FleetView['hears'];
  /** Whether the fleet was to be looked at, and the hub could not be asked: no node is known then. */
  isHubAway: boolean;
}

/** What is to be placed. */
export interface PlaceRequest {
  target: Resolved;
  asker: Asker;
  asked: 'edge' | 'node' | undefined;
  /** What a run of it at the edge is expected to take. */
  edgeRunMs: number;
  /** Until its deadline, in ms; infinite without one. */
  leftMs: number;
  /** What speaks against the edge, beside what is true of the version and the isolate. */
  edge?: EdgeObstacle;
  /** The processes of nodes that it may be sent to; all where absent. */
  mayTry?: ((process: string) => boolean) | undefined;
}

/** Why a request is none for the edge: of its version, or now. */
interface EdgeObstacle {
  ineligible?: string;
  unavailable?: string | undefined;
}

/** Asks nobody, and waits for nothing; undefined where the fleet must be known first. */
export function decideAtOnce(gateway: Gateway, request: PlaceRequest, waitUntil: WaitUntil): Decision | undefined {
  let peeked: FleetView | undefined;
  const decision = decideBy(gateway, request, () => {
    peeked = gateway.fleet.peek(waitUntil);
    return peeked;
  });
  if (decision.kind === 'ask') return undefined;
  return decisionOf(gateway, decision, request, { view: peeked ?? NO_FLEET, isHubAway: false });
}

/** @throws LeptonError `no_placement` where it must be known which nodes are ready, and the hub cannot be asked */
export async function decide(gateway: Gateway, request: PlaceRequest, waitUntil: WaitUntil): Promise<Decision> {
  const known = decideAtOnce(gateway, request, waitUntil);
  if (known) return known;
  let away: unknown;
  const unknown = (cause: unknown) => {
    away = cause;
    return NO_FLEET;
  };
  const view = await gateway.fleet.view(waitUntil).catch(unknown);
  const decision = decideBy(gateway, request, () => view);
  if (away !== undefined && decision.kind === 'refused' && decision.code === 'no_placement') {
    const message = 'this model needs a gpu-node, and which are ready cannot be found out now: try again';
    throw new LeptonError('no_placement', message, { cause: away, retryAfterSeconds: 2 });
  }
  return decisionOf(gateway, decision, request, { view, isHubAway: away !== undefined });
}

/** What a caller is told where nothing can run. */
export function refusalOf(decision: PlaceDecision<FleetCandidate>): LeptonError {
  const refused = decision.kind === 'refused';
  const code = refused ? decision.code : 'no_placement';
  const message = refused ? decision.message : 'this model needs a gpu-node, and none is ready';
  const retryAfterSeconds = (refused ? decision.retryAfterSeconds : undefined) ?? 2;
  const mayHelp = code === 'no_placement' || code === 'overloaded';
  return new LeptonError(code, message, mayHelp ? { retryAfterSeconds } : {});
}

/** Asks nobody. @param viewOf the fleet as far as it is known; called where the edge is not clearly right */
function decideBy(
  gateway: Gateway,
  request: PlaceRequest,
  viewOf: () => FleetView | undefined,
): PlaceDecision<FleetCandidate> {
  const { asked, asker, leftMs, target, mayTry } = request;
  const { digest, manifest, nodeRunMs: usualMs } = target.version;
  const { policy, regions } = manifest.placement;
  const node = () => {
    const view = viewOf();
    if (!view) return 'unknown';
    const wish = { now: gateway.now(), asker, leftMs, regions, usualMs, mayTry, random: gateway.random };
    return chooseNode(view.candidates(digest), wish) ?? 'none';
  };
  return place({ policy, asked, regions, edge: edgeStateOf(gateway, request), leftMs, node });
}

function edgeStateOf({ edge }: Gateway, { target, asker, edgeRunMs, edge: obstacle }: PlaceRequest): EdgeState {
  const { model, version } = target;
  const { edgeEligible, edgeReason, edgeTried, digest } = version;
  const ineligible = edgeEligible ? obstacle?.ineligible : (edgeReason ?? 'its admission did not allow it');
  return {
    ineligible,
    unavailable: obstacle?.unavailable ?? edge.unavailableFor(model.id),
    waitMs: edge.waitMs(model.id, version.version, asker.team),
    runMs: edgeRunMs,
    loadMs: edgeTried && !edge.has(digest) ? edgeTried.loadMs : 0,
  };
}

function decisionOf(
  gateway: Gateway,
  decision: PlaceDecision<FleetCandidate>,
  { target }: PlaceRequest,
  { view, isHubAway }: { view: FleetView; isHubAway: boolean },
): Decision {
  const { digest, manifest } = target.version;
  const { regions } = manifest.placement;
  const mayComeBack = (candidate: FleetCandidate) =>
    (candidate.silentMs(gateway.now()) ?? Number.POSITIVE_INFINITY) <= NODE_LOST_AFTER_MS &&
    isAllowed(candidate, { regions });
  const isUnplaced = decision.kind === 'refused' && decision.code === 'no_placement';
  const awaited = isUnplaced && view.candidates(digest).some(mayComeBack);
  return { decision, awaited, hears: view.hears, isHubAway };
}
