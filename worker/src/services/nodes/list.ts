/** Lists nodes by name, each with what its last heartbeat said; removes one. */
import { LeptonError, NODE_LOST_AFTER_MS, type Node, type Page, type PageQuery } from '@lepton-edge/protocol';
import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { apiKeys, nodes } from '../../db/schema.ts';
import type { LiveNode } from '../../hubs/fleet-hub.ts';
import { pageFrom, readCursor } from '../page.ts';

export async function listNodes({ gateway }: ServiceContext, query: PageQuery): Promise<Page<Node>> {
  const [rows, live] = await Promise.all([
    gateway.db
      .select()
      .from(nodes)
      .where(gt(nodes.name, readCursor(query.cursor) ?? ''))
      .orderBy(asc(nodes.name))
      .limit(query.limit + 1),
    gateway.fleet.list(),
  ]);
  const byId = new Map(live.map((node) => [node.id, node]));
  return pageFrom(
    rows,
    query.limit,
    (row) => row.name,
    (row) => toNode(row, byId.get(row.id)),
  );
}

/** Ends the node's credential and forgets it; it may join again with a new token. @throws LeptonError `node_not_found` */
export async function removeNode(ctx: ServiceContext, id: string): Promise<void> {
  const { db, now, fleet } = ctx.gateway;
  const [row] = await db.select({ name: nodes.name }).from(nodes).where(eq(nodes.id, id));
  if (!row) throw new LeptonError('node_not_found', `no node has the id ${JSON.stringify(id)}`);
  await db.batch([
    db
      .update(apiKeys)
      .set({ revokedAt: now() })
      .where(and(eq(apiKeys.nodeId, id), isNull(apiKeys.revokedAt))),
    db.delete(nodes).where(eq(nodes.id, id)),
    auditRow(ctx, { action: 'node.remove', subject: `node/${id}`, detail: { name: row.name } }),
  ]);
  await fleet.forget(id);
}

function toNode(row: typeof nodes.$inferSelect, live: (LiveNode & { silentMs: number }) | undefined): Node {
  const beat = live?.heartbeat;
  const lost = !live || live.silentMs >= NODE_LOST_AFTER_MS;
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    state: lost ? 'lost' : live.heartbeat.state,
    ...(row.region === null ? {} : { region: row.region }),
    labels: row.labels,
    joinedAt: new Date(row.joinedAt).toISOString(),
    ...(live ? { lastSeenAt: new Date(live.receivedAt).toISOString() } : {}),
    ...(beat ? { softwareVersion: beat.softwareVersion } : {}),
    engines: beat?.engines ?? [],
    loaded: beat?.loaded ?? [],
    inFlight: beat?.inFlight ?? 0,
    queued: beat?.queued ?? 0,
    rssBytes: beat?.rssBytes ?? 0,
    pins: beat?.pins?.states ?? [],
  };
}
