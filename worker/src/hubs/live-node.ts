/** A node as the hub knows it, and what follows from that. Pure. */
import { type Heartbeat, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';

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

export type NodeIdentity = Pick<LiveNode, 'id' | 'name' | 'issuer' | 'region' | 'drained'>;

/** What a report came to. */
export interface Received {
  receivedAt: number;
  /** How many other nodes may be given work. */
  others: number;
}

/** Whether a node may be given work, as far as it says so itself and nobody has taken it out. */
export function isWilling({ heartbeat, drained }: LiveNode): boolean {
  return heartbeat.state === 'ready' && !drained;
}

/** Whether a node is there. */
export function isHeard({ heartbeat, silentMs }: LiveNode & { silentMs: number }): boolean {
  return silentMs < NODE_LOST_AFTER_MS && heartbeat.state !== 'stopped';
}
