/**
 * Replaces a node's credential without a gap: the node asks for the next one with the one it has, stores it, and by its first
 * use of it ends the one before. A node that crashes in between still has the old one, which counts until then.
 */
import { LeptonError, type Node, type NodeCredential } from '@lepton-edge/protocol';
import { and, eq, isNull, lt, ne, sql } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { newId } from '../../db/ids.ts';
import { apiKeys, nodes } from '../../db/schema.ts';
import { hashSecret, newSecret, prefixOf } from '../../db/secrets.ts';
import { findNode, nodeNotFound } from './find.ts';
import { toNode } from './list.ts';

/** How old a credential becomes. */
const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** One of a node's credentials that is not revoked. */
export interface ValidKey {
  id: string;
  hash: string;
  createdAt: number;
}

/** Whether the credential that the node uses is to be replaced. */
export function isRotationDue(
  { gateway, principal }: ServiceContext,
  { rotateAt }: Pick<typeof nodes.$inferSelect, 'rotateAt'>,
  keys: readonly ValidKey[],
): boolean {
  const used = keys.find(({ id }) => id === principal.keyId);
  return used !== undefined && used.createdAt < Math.max(rotateAt ?? 0, gateway.now() - LIFETIME_MS);
}

/** Ends the credentials from before the one that the node has begun to use. */
export async function retireOlder(ctx: ServiceContext, nodeId: string, keys: readonly ValidKey[]): Promise<void> {
  const { gateway, principal } = ctx;
  const used = keys.find(({ id }) => id === principal.keyId);
  if (!used) return;
  const older = keys.filter(({ createdAt }) => createdAt < used.createdAt);
  if (older.length === 0) return;
  const { db, directory, now } = gateway;
  const isOlder = and(eq(apiKeys.nodeId, nodeId), isNull(apiKeys.revokedAt), lt(apiKeys.createdAt, used.createdAt));
  await db.batch([
    db.update(apiKeys).set({ revokedAt: now() }).where(isOlder),
    auditRow(ctx, {
      action: 'node.credential.end',
      subject: `node/${nodeId}`,
      detail: { ended: older.map(({ id }) => id) },
    }),
  ]);
  for (const { hash } of older) directory.forgetKey(hash);
}

/** Gives a node its next credential; one that was given before and not used yet ends. @throws LeptonError `node_not_found`, `unauthenticated` */
export async function issueCredential(ctx: ServiceContext, nodeId: string): Promise<NodeCredential> {
  const { gateway, principal } = ctx;
  const { db, now } = gateway;
  if (principal.nodeId !== nodeId) throw nodeNotFound(nodeId);
  const node = await findNode(gateway, nodeId);
  const credential = newSecret('lnc');
  const key = {
    id: newId('key'),
    teamId: principal.teamId,
    nodeId,
    name: `node ${node.name}`,
    prefix: prefixOf(credential),
    hash: await hashSecret(credential),
    scopes: ['node' as const],
    createdAt: now(),
  };
  const unused = and(eq(apiKeys.nodeId, nodeId), isNull(apiKeys.revokedAt), ne(apiKeys.id, principal.keyId));
  const stillValid = sql`EXISTS (SELECT 1 FROM api_keys WHERE id = ${principal.keyId} AND revoked_at IS NULL)`;
  const entry = { action: 'node.credential', subject: `node/${nodeId}`, detail: { issued: key.id } };
  try {
    await db.batch([
      auditRow(ctx, { ...entry, requires: stillValid }),
      db.update(apiKeys).set({ revokedAt: now() }).where(unused),
      db.insert(apiKeys).values(key),
    ]);
  } catch (error) {
    if (!isRefused(error)) throw error;
    throw new LeptonError('unauthenticated', 'the credential was replaced already: use the newer one, or join again');
  }
  return { credential };
}

/** Has a node replace its credential with its next report. @throws LeptonError `node_not_found` */
export async function requestRotation(ctx: ServiceContext, id: string): Promise<Node> {
  const { db, fleet, now } = ctx.gateway;
  const rotateAt = now();
  const row = await findNode(ctx.gateway, id);
  await db.batch([
    db.update(nodes).set({ rotateAt }).where(eq(nodes.id, id)),
    auditRow(ctx, { action: 'node.rotate', subject: `node/${id}`, detail: { name: row.name } }),
  ]);
  return toNode({ ...row, rotateAt }, await fleet.find(id));
}
