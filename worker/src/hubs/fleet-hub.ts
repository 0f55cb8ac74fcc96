/** The live state of every node: one Durable Object, told by heartbeats, asked by isolates once a second. */
import { DurableObject } from 'cloudflare:workers';
import { type Heartbeat, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';
import type { Env } from '../env.ts';
import { isHeard, isWilling, type LiveNode, type NodeIdentity, type Received } from './live-node.ts';

const REMEMBER_MS = 60 * 60 * 1000;
/** How old what is stored of a node may become: a hub that was started again counts on those it heard not long before. */
const STORED_MS = 10_000;

export class FleetHub extends DurableObject<Env> {
  readonly #nodes = new Map<string, LiveNode>();
  /** When each node was stored last. */
  readonly #storedAt = new Map<string, number>();
  /** Removed nodes, whose ids are never used again: a heartbeat that was under way must not bring one back. */
  readonly #removed = new Set<string>();

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    state.storage.sql.exec('CREATE TABLE IF NOT EXISTS live_nodes (id TEXT PRIMARY KEY, node TEXT NOT NULL)');
    state.storage.sql.exec(
      'CREATE TABLE IF NOT EXISTS removed_nodes (id TEXT PRIMARY KEY, removed_at INTEGER NOT NULL)',
    );
    for (const { id } of state.storage.sql.exec<{ id: string }>('SELECT id FROM removed_nodes')) this.#removed.add(id);
    for (const row of state.storage.sql.exec<{ node: string }>('SELECT node FROM live_nodes')) {
      const node = JSON.parse(row.node) as LiveNode;
      this.#nodes.set(node.id, isRecent(node) ? { ...node, receivedAt: Date.now() } : node);
    }
  }

  /** Takes a heartbeat; undefined for a node that was removed. */
  heartbeat(identity: NodeIdentity, heartbeat: Heartbeat): Received | undefined {
    if (this.#removed.has(identity.id)) return undefined;
    const before = this.#nodes.get(identity.id);
    const node: LiveNode = { ...identity, heartbeat, receivedAt: Date.now() };
    this.#nodes.set(node.id, node);
    // What changes every two seconds stays in memory; a restarted hub learns it from the next heartbeat.
    const isOld = node.receivedAt - (this.#storedAt.get(node.id) ?? 0) > STORED_MS;
    if (isOld || before?.heartbeat.url !== heartbeat.url || before.heartbeat.state !== heartbeat.state) {
      this.#store(node);
    }
    const others = this.heard().filter((other) => other.id !== node.id && isWilling(other)).length;
    return { receivedAt: node.receivedAt, others };
  }

  /** Takes a node out of work, or gives it back; its reports say the same from then on. */
  drain(id: string, drained: boolean): void {
    const node = this.#nodes.get(id);
    if (!node) return;
    this.#nodes.set(id, { ...node, drained });
    this.#store({ ...node, drained });
  }

  #store(node: LiveNode): void {
    this.#storedAt.set(node.id, node.receivedAt);
    const text = JSON.stringify(node);
    this.ctx.storage.sql.exec('INSERT OR REPLACE INTO live_nodes (id, node) VALUES (?, ?)', node.id, text);
  }

  /** Every node heard of, with the age of what is known in `silentMs`. */
  list(): (LiveNode & { silentMs: number })[] {
    const now = Date.now();
    return [...this.#nodes.values()].map((node) => ({ ...node, silentMs: now - node.receivedAt }));
  }

  /** The nodes that are there: those that may be given work, and those that finish what they have. */
  heard(): (LiveNode & { silentMs: number })[] {
    return this.list().filter(isHeard);
  }

  /** For good: the node was removed. */
  forget(id: string): void {
    const { sql } = this.ctx.storage;
    const now = Date.now();
    this.#nodes.delete(id);
    this.#storedAt.delete(id);
    this.#removed.add(id);
    sql.exec('DELETE FROM live_nodes WHERE id = ?', id);
    sql.exec('INSERT OR REPLACE INTO removed_nodes (id, removed_at) VALUES (?, ?)', id, now);
    // By then its credential is refused everywhere, and no call is that old.
    const old = sql.exec<{ id: string }>(
      'DELETE FROM removed_nodes WHERE removed_at < ? RETURNING id',
      now - REMEMBER_MS,
    );
    for (const row of old) this.#removed.delete(row.id);
  }
}

/** Heard so shortly before the hub was started that its next report may be on its way. */
function isRecent({ receivedAt }: LiveNode): boolean {
  return Date.now() - receivedAt < STORED_MS + 2 * NODE_LOST_AFTER_MS;
}
