/** Lists nodes by name, each with what its last heartbeat said; removes one. */
import type { Node, Page, PageQuery } from '@lepton-edge/protocol';
import { and, asc, eq, gt, isNull } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { apiKeys, nodes } from '../../db/schema.ts';
import { isHeard, type ListedNode } from '../../hubs/live-node.ts';
import { pageFrom, readCursor } from '../page.ts';
import { findNode, type NodeRow } from './find.ts';

/** Above this a node's clock is worth a warning. */
const NOTED_SKEW_MS = 5_000;

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

/** Ends the node's credential and forgets it; it may join again with a token that is good. @throws LeptonError `node_not_found` */
export async function removeNode(ctx: ServiceContext, id: string): Promise<void> {
  const { db, now, fleet } = ctx.gateway;
  const row = await findNode(ctx.gateway, id);
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

/** @param live what the hub knows of it, if anything */
export function toNode(row: NodeRow, live: ListedNode | undefined): Node {
  const beat = live?.heartbeat;
  return {
    id: row.id,
    name: row.name,
    url: row.url,
    state: stateOf(row, live),
    drained: row.drainedAt !== null,
    warnings: live ? warningsOf(live) : [],
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
    ...(beat?.clockSkewMs === undefined ? {} : { clockSkewMs: beat.clockSkewMs }),
    pins: beat?.pins?.states ?? [],
  };
}

function stateOf(row: NodeRow, live: ListedNode | undefined): Node['state'] {
  if (live?.heartbeat.state === 'stopped') return 'stopped';
  if (!live || !isHeard(live)) return 'lost';
  return row.drainedAt === null ? live.heartbeat.state : 'draining';
}

function warningsOf(node: ListedNode): string[] {
  if (!isHeard(node)) return [];
  const { olderUrl, heartbeat } = node;
  const skewMs = heartbeat.clockSkewMs ?? 0;
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  return [
    ...(olderUrl === undefined
      ? []
      : [
          `an older process reports as this node, too, from ${olderUrl}, with a copy of its home: it gets no work; stop it, or give it a home and a name of its own`,
        ]),
    ...(Math.abs(skewMs) < NOTED_SKEW_MS
      ? []
      : [`its clock is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} the gateway's: set it, by NTP for example`]),
  ];
}
