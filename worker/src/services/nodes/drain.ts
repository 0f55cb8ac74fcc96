/** Takes a node out of work while it stays up, and gives it back. */
import type { Node } from '@lepton-edge/protocol';
import { eq } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { nodes } from '../../db/schema.ts';
import { findNode } from './find.ts';
import { toNode } from './list.ts';

/**
 * It is given nothing more within seconds, and finishes what it has; so it stays, also when it is started again. One that is
 * already out of work, or in work, is left as it is.
 * @throws LeptonError `node_not_found`
 */
export async function setDrained(ctx: ServiceContext, id: string, drained: boolean): Promise<Node> {
  const { db, fleet, now } = ctx.gateway;
  const row = await findNode(ctx.gateway, id);
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
  return toNode({ ...row, drainedAt }, await fleet.find(id));
}
