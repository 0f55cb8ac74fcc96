/** Finds a node by its id. */
import { LeptonError } from '@lepton-edge/protocol';
import { eq } from 'drizzle-orm';
import type { Gateway } from '../../context.ts';
import { nodes } from '../../db/schema.ts';

export type NodeRow = typeof nodes.$inferSelect;

/** @throws LeptonError `node_not_found` */
export async function findNode({ db }: Pick<Gateway, 'db'>, id: string): Promise<NodeRow> {
  const [row] = await db.select().from(nodes).where(eq(nodes.id, id));
  if (!row) throw nodeNotFound(id);
  return row;
}

export function nodeNotFound(id: string): LeptonError {
  return new LeptonError(
    'node_not_found',
    `no node has the id ${JSON.stringify(id)}: one that was removed joins again`,
  );
}
