/** The live state of every node: one Durable Object, told by heartbeats, asked by isolates once a second. */
import { DurableObject } from 'cloudflare:workers';
import type { Heartbeat } from '@lepton-edge/protocol';
import type { Env } from '../env.ts';
import type { ListedNode, LiveNode, NodeIdentity, Received } from './live-node.ts';
import { Roster } from './roster.ts';

const REMEMBER_MS = 60 * 60 * 1000;

export class FleetHub extends DurableObject<Env> {
  readonly #roster: Roster;
  /** Removed nodes, whose ids are never used again: a heartbeat that was under way must not bring one back. */
  readonly #removed = new Set<string>();

  constructor(state: DurableObjectState, env: Env) {
    super(state, env);
    const { sql } = state.storage;
    sql.exec('CREATE TABLE IF NOT EXISTS live_nodes (id TEXT PRIMARY KEY, node TEXT NOT NULL)');
    sql.exec('CREATE TABLE IF NOT EXISTS removed_nodes (id TEXT PRIMARY KEY, removed_at INTEGER NOT NULL)');
    for (const { id } of sql.exec<{ id: string }>('SELECT id FROM removed_nodes')) this.#removed.add(id);
    const rows = sql.exec<{ node: string }>('SELECT node FROM live_nodes').toArray();
    this.#roster = new Roster(
      rows.map(({ node }) => JSON.parse(node) as LiveNode),
      () => Date.now(),
    );
  }

  /** Takes a heartbeat; undefined for a node that was removed. */
  heartbeat(identity: NodeIdentity, heartbeat: Heartbeat): Received | undefined {
    if (this.#removed.has(identity.id)) return undefined;
    // Most of what is reported stays in memory: a report is stored where it changes what outlives the hub, and every ten seconds.
    const { received, store } = this.#roster.heartbeat(identity, heartbeat);
    this.#store(store);
    return received;
  }

  /** Whether a process reports as this node that began later than this one. */
  isOlder(id: string, instance: string | undefined): boolean {
    return this.#roster.isOlder(id, instance);
  }

  /** Takes a node out of work, or gives it back; its reports say the same from then on. */
  drain(id: string, drained: boolean): void {
    this.#store(this.#roster.drain(id, drained));
  }

  /** A node heard of. */
  find(id: string): ListedNode | undefined {
    return this.#roster.find(id);
  }

  /** Every node heard of, with the age of what is known in `silentMs`. */
  list(): ListedNode[] {
    return this.#roster.list();
  }

  /** The nodes that are there or may be: those that may be given work, and those that finish what they have. */
  recent(): ListedNode[] {
    return this.#roster.recent();
  }

  /** For good: the node was removed. */
  forget(id: string): void {
    const { sql } = this.ctx.storage;
    const now = Date.now();
    this.#roster.forget(id);
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

  #store(node: LiveNode | undefined): void {
    if (!node) return;
    const text = JSON.stringify(node);
    this.ctx.storage.sql.exec('INSERT OR REPLACE INTO live_nodes (id, node) VALUES (?, ?)', node.id, text);
  }
}
