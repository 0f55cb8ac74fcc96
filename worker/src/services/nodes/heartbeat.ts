/** Takes a node's heartbeat: a changed address is proven before it is used, and a credential that was replaced ends. */
import type { Heartbeat, HeartbeatAnswer } from '@lepton-edge/protocol';
import { and, eq, isNull } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { databaseAway } from '../../db/database.ts';
import { apiKeys, nodes } from '../../db/schema.ts';
import { HANDOVER_MS } from '../../hubs/fleet.ts';
import type { NodeIdentity, Received } from '../../hubs/live-node.ts';
import { within } from '../../within.ts';
import { type NodeRow, nodeNotFound } from './find.ts';
import { isRotationDue, retireOlder, type ValidKey } from './rotate.ts';
import { verifyAddress } from './verify-address.ts';
import { wantedBy } from './wanted.ts';

/** A database that takes longer is as good as away: the node must not be lost meanwhile. */
const READ_LIMIT_MS = 1_000;

interface Known {
  node: NodeRow;
  keys: ValidKey[];
}

/** @throws LeptonError `node_not_found`, `node_unverified` */
export async function takeHeartbeat(ctx: ServiceContext, id: string, heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
  // A node speaks for itself only; for any other id there is nothing here.
  if (ctx.principal.nodeId !== id) throw nodeNotFound(id);
  let known: Known;
  try {
    known = await within(readNode(ctx, id), READ_LIMIT_MS, tooLate);
  } catch (error) {
    if (!databaseAway(error)) throw error;
    return await takeUnread(ctx, id, heartbeat, error);
  }
  return await takeKnown(ctx, known, heartbeat);
}

function tooLate(): never {
  throw new Error(`D1_ERROR: no answer within ${READ_LIMIT_MS} ms`);
}

async function takeKnown(ctx: ServiceContext, { node, keys }: Known, heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
  const { fleet } = ctx.gateway;
  const { id, name, issuer } = node;
  const region = heartbeat.region ?? node.region;
  if (isChanged(node, heartbeat) && !(await fleet.isOlder(id, heartbeat.instance))) {
    await applyChange(ctx, node, heartbeat);
  }
  const identity = { id, name, issuer, region, drained: node.drainedAt !== null };
  const received = await fleet.heartbeat(identity, heartbeat);
  if (!received) throw nodeNotFound(id);
  const isOlder = received.duplicate?.newer === false;
  if (!isOlder) await retireOlder(ctx, id, keys);
  const wanted = heartbeat.pins && (await wantedBy(ctx, node, heartbeat.pins.request));
  return {
    ...answerOf(identity, heartbeat, received),
    rotate: !isOlder && heartbeat.state === 'ready' && isRotationDue(ctx, node, keys),
    ...(wanted ? { wanted } : {}),
  };
}

/** While the database is away a node stays what its earlier reports made it, at the address that it has proven. */
async function takeUnread(
  { gateway: { fleet } }: ServiceContext,
  id: string,
  heartbeat: Heartbeat,
  cause: unknown,
): Promise<HeartbeatAnswer> {
  const node = await fleet.find(id);
  if (node?.heartbeat.url !== heartbeat.url) throw cause;
  const { name, issuer, region, drained } = node;
  const identity = { id, name, issuer, region, drained };
  const received = await fleet.heartbeat(identity, heartbeat);
  if (!received) throw nodeNotFound(id);
  return answerOf(identity, heartbeat, received);
}

function answerOf({ id, drained }: NodeIdentity, { state }: Heartbeat, received: Received): HeartbeatAnswer {
  const { receivedAt, others, duplicate } = received;
  return {
    id,
    receivedAt: new Date(receivedAt).toISOString(),
    drained,
    ...(state === 'draining' && others > 0 ? { handoverMs: HANDOVER_MS } : {}),
    ...(duplicate ? { duplicate } : {}),
  };
}

async function readNode({ gateway }: ServiceContext, id: string): Promise<Known> {
  const rows = await gateway.db
    .select({ node: nodes, key: { id: apiKeys.id, hash: apiKeys.hash, createdAt: apiKeys.createdAt } })
    .from(nodes)
    .leftJoin(apiKeys, and(eq(apiKeys.nodeId, nodes.id), isNull(apiKeys.revokedAt)))
    .where(eq(nodes.id, id));
  const [first] = rows;
  if (!first) throw nodeNotFound(id);
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
