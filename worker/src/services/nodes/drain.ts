/** Takes a node out of work while it stays up, and gives it back. */
import { LeptonError, type Node } from '@lepton-edge/protocol';
import { eq } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { nodes } from '../../db/schema.ts';
import { toNode } from './list.ts';

/**
 * It is given nothing more within seconds, and finishes what it has; so it stays, also when it is started again. One that is
 * already out of work, or in work, is left as it is.
 * @throws LeptonError `node_not_found`
 */
export async function setDrained(ctx: ServiceContext, id: string, drained: boolean): Promise<Node> {
  const { db, fleet, now } = ctx.gateway;
  const [row] = await db.select().from(nodes).where(eq(nodes.id, id));
  if (!row) throw new LeptonError('node_not_found', `no node has the id ${JSON.stringify(id)}`);
  const isSo = (row.drainedAt !== null) === drained;
  const drainedAt = isSo ? row.drainedAt : drained ? now() : null;
  if (!isSo) {
    await db.batch([
      db.update(nodes).set({ drainedAt }).where(eq(nodes.id, id)),
      auditRow(ctx, {
        action: drained ? 'node.drain' : 'node.resume',
        subject: `node/${id}`,
        detail: { name: row.name },
      }),
    ]);
  }
  await fleet.drain(id, drained);
  const live = (await fleet.list()).find((node) => node.id === id);
  return toNode({ ...row, drainedAt }, live);
}
