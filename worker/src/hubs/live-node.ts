/** A node as the hub knows it, and what follows from that. Pure. */
import { type Heartbeat, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';

/** What a node said of itself so long ago counts for nothing. */
const OUTDATED_AFTER_MS = 60_000;

/** What it is, and what its last heartbeat said. */
export interface LiveNode {
  id: string;
  name: string;
  issuer: string;
  region: string | null;
  /** Taken out of work by an operator. */
  drained: boolean;
  heartbeat: Heartbeat;
  receivedAt: number;
}

/** A node as the hub tells of it. */
export type ListedNode = LiveNode & {
  /** How long ago it was heard last. */
  silentMs: number;
  /** Where an older process with the same identity reports from, while one does. */
  olderUrl?: string;
};

export type NodeIdentity = Pick<LiveNode, 'id' | 'name' | 'issuer' | 'region' | 'drained'>;

/** What a report came to. */
export interface Received {
  receivedAt: number;
  /** How many other nodes may be given work. */
  others: number;
  /** Another process that reports as this node, and whether the one that reported is the newer. */
  duplicate?: { url: string; newer: boolean };
}

/** Whether a node may be given work, as far as it says so itself and nobody has taken it out. */
export function isWilling({ heartbeat, drained }: LiveNode): boolean {
  return heartbeat.state === 'ready' && !drained;
}

/** Whether a node is there, as its reports tell. */
export function isHeard(node: ListedNode): boolean {
  return mayBeThere(node) && node.silentMs < NODE_LOST_AFTER_MS;
}

/** Whether a node may be there though its reports do not come: what it said last still counts for something. */
export function mayBeThere({ heartbeat, silentMs }: ListedNode): boolean {
  return silentMs < OUTDATED_AFTER_MS && heartbeat.state !== 'stopped';
}
