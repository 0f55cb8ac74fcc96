/** Takes a node's heartbeat; a changed address is proven before it is used. */
import { type Heartbeat, type HeartbeatAnswer, LeptonError } from '@lepton-edge/protocol';
import { eq } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { nodes } from '../../db/schema.ts';
import { verifyAddress } from './verify-address.ts';
import { wantedBy } from './wanted.ts';

/** @throws LeptonError `node_not_found`, `node_unverified` */
export async function takeHeartbeat(ctx: ServiceContext, id: string, heartbeat: Heartbeat): Promise<HeartbeatAnswer> {
  const { gateway, principal } = ctx;
  // A node speaks for itself only; for any other id there is nothing here.
  if (principal.nodeId !== id) throw notFound(id);
  const [node] = await gateway.db.select().from(nodes).where(eq(nodes.id, id));
  if (!node) throw notFound(id);
  if (node.url !== heartbeat.url) {
    await verifyAddress(gateway, heartbeat.url, node.issuer, node.publicKey);
    await gateway.db.batch([
      gateway.db.update(nodes).set({ url: heartbeat.url }).where(eq(nodes.id, id)),
      auditRow(ctx, { action: 'node.move', subject: `node/${id}`, detail: { from: node.url, to: heartbeat.url } }),
    ]);
  }
  const { name, issuer, region } = node;
  const receivedAt = await gateway.fleet.heartbeat({ id, name, issuer, region }, heartbeat);
  if (receivedAt === undefined) throw notFound(id);
  const wanted = heartbeat.pins && (await wantedBy(ctx, node, heartbeat.pins.request));
  return { id, receivedAt: new Date(receivedAt).toISOString(), ...(wanted ? { wanted } : {}) };
}

function notFound(id: string): LeptonError {
  return new LeptonError('node_not_found', `no node has the id ${JSON.stringify(id)}: join again`);
}
