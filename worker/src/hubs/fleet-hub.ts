/** The live state of every node: one Durable Object, told by heartbeats, asked by isolates once a second. */
import { DurableObject } from 'cloudflare:workers';
import { type Heartbeat, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';
import type { Env } from '../env.ts';

/** A node as the hub knows it: what it is, and what its last heartbeat said. */
export interface LiveNode {
  id: string;
  name: string;
  issuer: string;
  region: string | null;
  heartbeat: Heartbeat;
  receivedAt: number;
}

export type NodeIdentity = Pick<LiveNode, 'id' | 'name' | 'issuer' | 'region'>;

export class FleetHub extends DurableObject<Env> {
  readonly #nodes = new Map<string, LiveNode>();

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    state.storage.sql.exec('CREATE TABLE IF NOT EXISTS live_nodes (id TEXT PRIMARY KEY, node TEXT NOT NULL)');
    for (const row of state.storage.sql.exec<{ node: string }>('SELECT node FROM live_nodes')) {
      const node = JSON.parse(row.node) as LiveNode;
      this.#nodes.set(node.id, node);
    }
  }

  /** Takes a heartbeat; answers when it was received. */
  heartbeat(identity: NodeIdentity, heartbeat: Heartbeat): number {
    const before = this.#nodes.get(identity.id);
    const node: LiveNode = { ...identity, heartbeat, receivedAt: Date.now() };
    this.#nodes.set(node.id, node);
    // What changes every two seconds stays in memory; a restarted hub learns it from the next heartbeat.
    if (before?.heartbeat.url !== heartbeat.url || before.heartbeat.state !== heartbeat.state) {
      const text = JSON.stringify(node);
      this.ctx.storage.sql.exec('INSERT OR REPLACE INTO live_nodes (id, node) VALUES (?, ?)', node.id, text);
    }
    return node.receivedAt;
  }

  /** Every node heard of, with the age of what is known in `silentMs`. */
  list(): (LiveNode & { silentMs: number })[] {
    const now = Date.now();
    return [...this.#nodes.values()].map((node) => ({ ...node, silentMs: now - node.receivedAt }));
  }

  /** The nodes that may be given work. */
  ready(): LiveNode[] {
    return this.list().filter((node) => node.silentMs < NODE_LOST_AFTER_MS && node.heartbeat.state === 'ready');
  }

  forget(id: string): void {
    this.#nodes.delete(id);
    this.ctx.storage.sql.exec('DELETE FROM live_nodes WHERE id = ?', id);
  }
}
