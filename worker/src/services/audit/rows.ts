/** Reads the audit log in the order of the chain. */

import type { SQL } from 'drizzle-orm';
import { asc, sql } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { auditLog } from '../../db/schema.ts';
import type { ChainRow } from './chain.ts';

/** At most this many rows are held at once. */
export const CHUNK_ROWS = 500;

/** The next rows, oldest first. */
export async function readChunk(db: Database, where: SQL | undefined): Promise<ChainRow[]> {
  const { seq, at, actor, teamId, action, subject, model, hash } = auditLog;
  return await db
    .select({ seq, at, actor, teamId, action, subject, model, hash, detail: sql<string>`${auditLog.detail}` })
    .from(auditLog)
    .where(where)
    .orderBy(asc(auditLog.seq))
    .limit(CHUNK_ROWS);
}
