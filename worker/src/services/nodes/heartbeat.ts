/** Takes a node's heartbeat: a changed address is proven before it is used, and a credential that was replaced ends. */
import { type Heartbeat, type HeartbeatAnswer, LeptonError } from '@lepton-edge/protocol';
import { and, eq, isNull } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { apiKeys, nodes } from '../../db/schema.ts';
import { HANDOVER_MS } from '../../hubs/fleet.ts';
import { isRotationDue, retireOlder, type ValidKey } from './rotate.ts';
import { verifyAddress } from './verify-address.ts';
import { wantedBy } from './wanted.ts';

type NodeRow = typeof nodes.$inferSelect;

/** @throws LeptonError `node_not_found`, `node_unverified` */
export async function takeHeartbeat(ctx: ServiceContext, id: string, heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
  const { gateway, principal } = ctx;
  // A node speaks for itself only; for any other id there is nothing here.
  if (principal.nodeId !== id) throw notFound(id);
  const { node, keys } = await readNode(ctx, id);
  const region = heartbeat.region ?? node.region;
  if (isChanged(node, heartbeat) && !(await gateway.fleet.isOlder(id, heartbeat.instance))) {
    await applyChange(ctx, node, heartbeat);
  }
  const { name, issuer } = node;
  const drained = node.drainedAt !== null;
  const received = await gateway.fleet.heartbeat({ id, name, issuer, region, drained }, heartbeat);
  if (!received) throw notFound(id);
  const { others, duplicate } = received;
  const isOlder = duplicate?.newer === false;
  if (!isOlder) await retireOlder(ctx, id, keys);
  const wanted = heartbeat.pins && (await wantedBy(ctx, node, heartbeat.pins.request));
  return {
    id,
    receivedAt: new Date(received.receivedAt).toISOString(),
    drained,
    rotate: !isOlder && heartbeat.state === 'ready' && isRotationDue(ctx, node, keys),
    ...(heartbeat.state === 'draining' && others > 0 ? { handoverMs: HANDOVER_MS } : {}),
    ...(duplicate ? { duplicate } : {}),
    ...(wanted ? { wanted } : {}),
  };
}

async function readNode({ gateway }: ServiceContext, id: string): Promise<{ node: NodeRow; keys: ValidKey[] }> {
  const rows = await gateway.db
    .select({ node: nodes, key: { id: apiKeys.id, hash: apiKeys.hash, createdAt: apiKeys.createdAt } })
    .from(nodes)
    .leftJoin(apiKeys, and(eq(apiKeys.nodeId, nodes.id), isNull(apiKeys.revokedAt)))
    .where(eq(nodes.id, id));
  const [first] = rows;
  if (!first) throw notFound(id);
  return { node: first.node, keys: rows.flatMap(({ key }) => key ?? []) };
}

function isChanged(node: NodeRow, { url, region, labels }: Heartbeat): boolean {
  return (
    node.url !== url ||
    (region !== undefined && region !== node.region) ||
    (labels !== undefined && !isSame(labels, node.labels))
  );
}

async function applyChange(ctx: ServiceContext, node: NodeRow, { url, region, labels }: Heartbeat): Promise<void> {
  const { gateway } = ctx;
  const { id } = node;
  if (node.url !== url) await verifyAddress(gateway, url, node.issuer, node.publicKey);
  const change = { url, region: region ?? node.region, labels: labels ?? node.labels };
  const { url: from } = node;
  await gateway.db.batch([
    gateway.db.update(nodes).set(change).where(eq(nodes.id, id)),
    url === from
      ? auditRow(ctx, {
          action: 'node.update',
          subject: `node/${id}`,
          detail: { region: change.region, labels: change.labels },
        })
      : auditRow(ctx, { action: 'node.move', subject: `node/${id}`, detail: { from, to: url } }),
  ]);
}

function isSame(a: Record<string, string>, b: Record<string, string>): boolean {
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => a[key] === b[key]);
}

function notFound(id: string): LeptonError {
  return new LeptonError('node_not_found', `no node has the id ${JSON.stringify(id)}: join again`);
}
