/**
 * Decides where a request runs: where its answer would be there soonest, by what was measured, within what the model and the caller
 * allow. Pure: everything it needs is handed in; no clock is asked, since on Cloudflare none advances during computation.
 */
import type { ErrorCode, PlacementPolicy } from '@lepton-edge/protocol';
import type { NodeCandidate, NodeChoice } from './choose-node.ts';

/** A request is at the edge already, and a node is everybody's: saving less is not worth its time, nor looking for. */
const WORTH_MOVING_MS = 50;
/** Where nothing is known of the fleet, a request waits for that rather than so long for the edge. */
const WORTH_ASKING_MS = 1_000;
/** A session that is made serves many requests after the one that waits for it. */
const REQUESTS_PER_LOAD = 10;
/** What waits is known, how long it takes is estimated: so many times beyond the deadline it is hopeless. */
const HOPELESS = 2;

export interface PlaceInput<C extends NodeCandidate> {
  policy: PlacementPolicy;
  /** What the caller asked for, if anything. */
  asked: 'edge' | 'node' | undefined;
  edge: EdgeState;
  /** What is left of the caller's time; infinite where there is no deadline. */
  leftMs: number;
  /** The node to take, if one; asked only where it matters. `unknown`: the isolate does not know the fleet now. */
  node: () => NodeChoice<C> | 'none' | 'unknown';
  regions: readonly string[] | undefined;
}

export interface EdgeState {
  /** Why this version cannot run at the edge at all; undefined when it can. */
  ineligible: string | undefined;
  /** Why this isolate does not run it now; undefined when it does. */
  unavailable: string | undefined;
  /** What runs in this isolate, and waits there before this request, takes so long. */
  waitMs: number;
  runMs: number;
  /** Of a session that is still to be made; else 0. */
  loadMs: number;
}

export type PlaceDecision<C extends NodeCandidate> =
  | { kind: 'edge' }
  /** `warmsEdge`: only because the edge does not have it loaded, which it had better. */
  | { kind: 'node'; choice: NodeChoice<C>; warmsEdge: boolean }
  /** The fleet is to be asked first. */
  | { kind: 'ask' }
  | { kind: 'refused'; code: ErrorCode; message: string; retryAfterSeconds?: number };

/** Policy and wishes first; then what would be there soonest. */
export function place<C extends NodeCandidate>(input: PlaceInput<C>): PlaceDecision<C> {
  const { policy, asked, edge } = input;
  if (asked && policy !== 'auto' && asked !== policy) {
    return refuse('placement_not_allowed', `this model runs only on placement "${policy}", "${asked}" was asked for`);
  }
  const wanted = asked ?? (policy === 'auto' ? undefined : policy);
  if (wanted === 'edge') return placeAtEdge(input);
  if (wanted === 'node' || edge.ineligible !== undefined || edge.unavailable !== undefined) return placeOnNode(input);
  return placeAnywhere(input);
}

function placeAtEdge<C extends NodeCandidate>({ edge, asked, leftMs }: PlaceInput<C>): PlaceDecision<C> {
  if (edge.ineligible !== undefined) {
    const code = asked ? 'placement_not_allowed' : 'no_placement';
    return refuse(code, `this version cannot run at the edge: ${edge.ineligible}`);
  }
  if (edge.unavailable !== undefined) return refuse('no_placement', edge.unavailable);
  return edge.waitMs > HOPELESS * leftMs ? tooMuchWaits(edge, leftMs) : { kind: 'edge' };
}

function placeOnNode<C extends NodeCandidate>(input: PlaceInput<C>): PlaceDecision<C> {
  const choice = input.node();
  if (choice === 'unknown') return { kind: 'ask' };
  return choice === 'none' ? noNode(input) : { kind: 'node', choice, warmsEdge: false };
}

function placeAnywhere<C extends NodeCandidate>(input: PlaceInput<C>): PlaceDecision<C> {
  const { edge, leftMs } = input;
  const readyMs = edge.waitMs + edge.runMs;
  const isInTime = readyMs + edge.loadMs <= leftMs;
  const edgeMs = readyMs + edge.loadMs / REQUESTS_PER_LOAD;
  if (isInTime && edgeMs <= WORTH_MOVING_MS) return { kind: 'edge' };
  const choice = input.node();
  if (choice === 'unknown') return isInTime && edgeMs <= WORTH_ASKING_MS ? { kind: 'edge' } : { kind: 'ask' };
  if (choice === 'none' || choice.isFull) return placeAtEdge(input);
  const isNodeInTime = choice.expectedMs <= leftMs;
  const isNodeSooner = choice.expectedMs + WORTH_MOVING_MS < edgeMs;
  if (isNodeInTime === isInTime ? !isNodeSooner : isInTime) return placeAtEdge(input);
  return { kind: 'node', choice, warmsEdge: edge.loadMs > 0 && choice.expectedMs + WORTH_MOVING_MS >= readyMs };
}

function tooMuchWaits({ waitMs }: EdgeState, leftMs: number): PlaceDecision<never> {
  const message = `what waits at the edge takes about ${Math.ceil(waitMs)} ms, and this request wants its answer in ${Math.floor(leftMs)} ms`;
  return { kind: 'refused', code: 'overloaded', message, retryAfterSeconds: Math.ceil(waitMs / 1000) };
}

function noNode<C extends NodeCandidate>({ regions, policy, edge }: PlaceInput<C>): PlaceDecision<C> {
  const where = regions ? ` in ${regions.join(', ')}` : '';
  const obstacle = edge.ineligible ?? edge.unavailable;
  const why = policy === 'auto' && obstacle !== undefined ? `; it does not run at the edge: ${obstacle}` : '';
  return refuse('no_placement', `this model needs a gpu-node, and none is ready${where}${why}`);
}

function refuse(code: ErrorCode, message: string): PlaceDecision<never> {
  return { kind: 'refused', code, message };
}
