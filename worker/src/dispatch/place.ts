/** Decides where a request runs. Pure: everything it needs is handed in. */
import type { ErrorCode, PlacementPolicy } from '@lepton-edge/protocol';

/** Fetching and loading a model takes about a second; a burst that is over before is not worth the memory elsewhere. */
const SPILL_WAIT_MS = 2_000;
/** A node with so much to do is no place to load one more model. */
const BUSY_PENDING = 16;

export interface PlaceInput {
  policy: PlacementPolicy;
  /** What the caller asked for, if anything. */
  asked: 'edge' | 'node' | undefined;
  edge: {
    /** Why this version cannot run at the edge at all; undefined when it can. */
    ineligible: string | undefined;
    /** Why this isolate runs nothing now; undefined when it does. */
    unavailable: string | undefined;
  };
  nodes: readonly PlaceCandidate[];
  regions: readonly string[] | undefined;
  versionDigest: string;
}

export interface PlaceCandidate {
  id: string;
  region: string | null;
  /** Requests it is working on or has waiting. */
  pending: number;
  /** Whether it has the version loaded, or is about to. */
  has: boolean;
  /** What a request of the version takes of its time there, in ms; undefined where that is not known. */
  requestMs: number | undefined;
}

export type PlaceDecision =
  /** `otherwise`: the nodes to try where the edge has no room after all; none where the caller or the model wants the edge. */
  | { kind: 'edge'; otherwise: string[] }
  /** Ids to try, in this order. */
  | { kind: 'node'; ids: string[] }
  | { kind: 'refused'; code: ErrorCode; message: string };

/** Policy and wishes first; then the edge where it is possible; then the node that has the model and the least to do. */
export function place(input: PlaceInput): PlaceDecision {
  const { policy, asked, edge } = input;
  if (asked && policy !== 'auto' && asked !== policy) {
    return refuse('placement_not_allowed', `this model runs only on placement "${policy}", "${asked}" was asked for`);
  }
  const wanted = asked ?? (policy === 'auto' ? undefined : policy);
  if (wanted === 'edge') return placeAtEdge(input);
  if (wanted === 'node') return placeOnNode(input);
  const onNode = placeOnNode(input);
  if (edge.ineligible !== undefined || edge.unavailable !== undefined) return onNode;
  return { kind: 'edge', otherwise: onNode.kind === 'node' ? onNode.ids : [] };
}

function placeAtEdge({ edge, asked }: PlaceInput): PlaceDecision {
  if (edge.ineligible !== undefined) {
    const code = asked ? 'placement_not_allowed' : 'no_placement';
    return refuse(code, `this version cannot run at the edge: ${edge.ineligible}`);
  }
  return edge.unavailable === undefined ? { kind: 'edge', otherwise: [] } : refuse('no_placement', edge.unavailable);
}

function placeOnNode({ nodes, regions, versionDigest, policy, edge }: PlaceInput): PlaceDecision {
  const allowed = regions ? nodes.filter((node) => node.region !== null && regions.includes(node.region)) : nodes;
  if (allowed.length === 0) {
    const where = regions ? ` in ${regions.join(', ')}` : '';
    const why =
      policy === 'auto' && edge.ineligible !== undefined ? `; it does not run at the edge: ${edge.ineligible}` : '';
    return refuse('no_placement', `this model needs a gpu-node, and none is ready${where}${why}`);
  }
  return { kind: 'node', ids: inOrder(allowed, versionDigest) };
}

/**
 * Those that have the version before those that would load it, the idle before the busy. Among those that have it the one
 * with the least to do; among the others the version's own order, the same in every isolate, so that a burst on a version
 * loads it once and versions spread over nodes.
 */
function inOrder(nodes: readonly PlaceCandidate[], digest: string): string[] {
  const ranked = nodes.map((node) => ({ ...node, rank: rankOf(node), score: rendezvousScore(node.id, digest) }));
  ranked.sort((a, b) => a.rank - b.rank || (a.has ? a.pending - b.pending : 0) || b.score - a.score);
  return ranked.map(({ id }) => id);
}

/** A node that has the version is passed over only while the wait there is longer than loading it elsewhere usually takes. */
function rankOf({ has, pending, requestMs = 0 }: PlaceCandidate): number {
  if (has) return pending * requestMs < SPILL_WAIT_MS ? 0 : 2;
  return pending < BUSY_PENDING ? 1 : 3;
}

/** Highest random weight (rendezvous) hashing, by 32-bit FNV-1a. */
function rendezvousScore(id: string, digest: string): number {
  let hash = 0x811c9dc5;
  for (const text of [digest, id]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  // Ids differ in their last characters, which by then have reached the low bits only.
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  return (hash ^ (hash >>> 13)) >>> 0;
}

function refuse(code: ErrorCode, message: string): PlaceDecision {
  return { kind: 'refused', code, message };
}
