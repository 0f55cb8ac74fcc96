/** Decides where a request runs. Pure: everything it needs is handed in. */
import type { ErrorCode, PlacementPolicy } from '@lepton-edge/protocol';

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
  /** Digests of the versions it has loaded. */
  loaded: ReadonlySet<string>;
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
  const rank = (node: PlaceCandidate) => (node.loaded.has(versionDigest) ? 0 : 1);
  const ordered = [...allowed].sort((a, b) => rank(a) - rank(b) || a.pending - b.pending || (a.id < b.id ? -1 : 1));
  return { kind: 'node', ids: ordered.map((node) => node.id) };
}

function refuse(code: ErrorCode, message: string): PlaceDecision {
  return { kind: 'refused', code, message };
}
