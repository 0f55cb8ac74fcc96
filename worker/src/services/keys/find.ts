/** Finds a key by its id. */
import { LeptonError } from '@lepton-edge/protocol';
import { eq } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { apiKeys } from '../../db/schema.ts';

export type KeyRow = typeof apiKeys.$inferSelect;

/** @throws LeptonError `key_not_found` */
export async function findKey({ gateway }: ServiceContext, id: string): Promise<KeyRow> {
  const [row] = await gateway.db.select().from(apiKeys).where(eq(apiKeys.id, id));
  if (row) return row;
  throw new LeptonError('key_not_found', `no key has the id ${JSON.stringify(id)}`);
}
