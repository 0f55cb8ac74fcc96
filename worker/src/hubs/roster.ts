/** Who is in the fleet, by the reports that came in. Pure: the clock is handed in. */
import { type Heartbeat, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';
import {
  isHeard,
  isWilling,
  type ListedNode,
  type LiveNode,
  mayBeThere,
  type NodeIdentity,
  type Received,
} from './live-node.ts';

/** How old what is stored of a node may become: a hub that was started again counts on those it heard not long before. */
const STORED_MS = 10_000;

/** A process that reports as a node while one that began later does so, too. */
interface Older {
  url: string;
  at: number;
}

export class Roster {
  readonly #now: () => number;
  readonly #nodes = new Map<string, LiveNode>();
  readonly #older = new Map<string, Older>();
  readonly #storedAt = new Map<string, number>();
  /** When a node was taken out of work last, or given back. */
  readonly #drainedAt = new Map<string, number>();

  /** @param stored as `heartbeat` and `drain` gave them to be stored */
  constructor(stored: Iterable<LiveNode>, now: () => number) {
    this.#now = now;
    // What was heard so shortly ago may be about to report again.
    const isRecent = ({ receivedAt }: LiveNode) => now() - receivedAt < STORED_MS + 2 * NODE_LOST_AFTER_MS;
    for (const node of stored) this.#nodes.set(node.id, isRecent(node) ? { ...node, receivedAt: now() } : node);
  }

  /**
   * Takes a report. Of two processes with one identity the one that began later is the node.
   * @returns also what is to be stored: each report that changes what outlives the hub, of others one in ten seconds
   */
  heartbeat(identity: NodeIdentity, heartbeat: Heartbeat): { received: Received; store: LiveNode | undefined } {
    const { id } = identity;
    const receivedAt = this.#now();
    const before = this.#nodes.get(id);
    const others = this.heard().filter((node) => node.id !== id && isWilling(node)).length;
    if (before && this.isOlder(id, heartbeat.instance)) {
      // One that is leaving was replaced in order.
      if (heartbeat.state === 'ready') this.#older.set(id, { url: heartbeat.url, at: receivedAt });
      const duplicate = { url: before.heartbeat.url, newer: false };
      return { received: { receivedAt, others, duplicate }, store: undefined };
    }
    // A report that was under way meanwhile knows what the database said before.
    const isDecided = receivedAt - (this.#drainedAt.get(id) ?? Number.NEGATIVE_INFINITY) < NODE_LOST_AFTER_MS;
    const drained = before && isDecided ? before.drained : identity.drained;
    const node: LiveNode = { ...identity, drained, heartbeat, receivedAt };
    this.#nodes.set(id, node);
    const older = this.#olderOf(id);
    const duplicate = older ? { duplicate: { url: older.url, newer: true } } : {};
    const isKnown =
      before?.heartbeat.url === heartbeat.url &&
      before.heartbeat.state === heartbeat.state &&
      before.heartbeat.instance === heartbeat.instance &&
      receivedAt - (this.#storedAt.get(id) ?? 0) <= STORED_MS;
    if (!isKnown) this.#storedAt.set(id, receivedAt);
    return { received: { receivedAt, others, ...duplicate }, store: isKnown ? undefined : node };
  }

  /** Whether a process reports as this node that began later than this one. */
  isOlder(id: string, instance = ''): boolean {
    const node = this.#listed(id);
    return node !== undefined && isHeard(node) && instance < (node.heartbeat.instance ?? '');
  }

  /** Takes a node out of work, or gives it back. @returns what is to be stored */
  drain(id: string, drained: boolean): LiveNode | undefined {
    const node = this.#nodes.get(id);
    if (!node) return undefined;
    this.#nodes.set(id, { ...node, drained });
    this.#drainedAt.set(id, this.#now());
    return { ...node, drained };
  }

  /** A node heard of. */
  find(id: string): ListedNode | undefined {
    return this.#listed(id);
  }

  /** Every node heard of. */
  list(): ListedNode[] {
    return [...this.#nodes.keys()].flatMap((id) => this.#listed(id) ?? []);
  }

  /** Those that are there: who may be given work, and who finishes what it has. */
  heard(): ListedNode[] {
    return this.list().filter(isHeard);
  }

  /** Those, and those that may be there though they are silent. */
  recent(): ListedNode[] {
    return this.list().filter(mayBeThere);
  }

  forget(id: string): void {
    for (const map of [this.#nodes, this.#older, this.#storedAt, this.#drainedAt]) map.delete(id);
  }

  #listed(id: string): ListedNode | undefined {
    const node = this.#nodes.get(id);
    if (!node) return undefined;
    const older = this.#olderOf(id);
    return { ...node, silentMs: this.#now() - node.receivedAt, ...(older ? { olderUrl: older.url } : {}) };
  }

  #olderOf(id: string): Older | undefined {
    const older = this.#older.get(id);
    return older && this.#now() - older.at < NODE_LOST_AFTER_MS ? older : undefined;
  }
}
