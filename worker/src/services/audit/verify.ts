/** Verifies the audit log: computes the chain anew and compares it with what the rows and the head say. */
import type { AuditVerified } from '@lepton-edge/protocol';
import { and, gt, isNotNull, lte, type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { auditLog } from '../../db/schema.ts';
import { type AuditHead, broken, checkChain, checkEnd } from './chain.ts';
import { CHUNK_ROWS, readChunk } from './rows.ts';

/** @throws LeptonError `audit_broken` naming the first row that was changed, is missing or was inserted */
export async function verifyAudit(db: Database, head: AuditHead | undefined): Promise<AuditVerified> {
  const sealed = head ? lte(auditLog.seq, head.seq) : isNotNull(auditLog.hash);
  let end: AuditHead | undefined;
  let entries = 0;
  for (;;) {
    const rows = await readChunk(db, and(sealed, end && gt(auditLog.seq, end.seq)));
    if (!head && rows[0]) throw broken(`entry ${rows[0].seq} has a hash, but nothing was ever sealed`);
    end = await checkChain(end, rows);
    entries += rows.length;
    if (rows.length < CHUNK_ROWS) break;
  }
  if (head) checkEnd(end, head);
  const unsealed = await count(db, head ? gt(auditLog.seq, head.seq) : undefined);
  return { ok: true, entries, unsealed, ...(head ? { head: head.hash } : {}) };
}

async function count(db: Database, where: SQL | undefined): Promise<number> {
  const [row] = await db.select({ rows: sql<number>`COUNT(*)` }).from(auditLog).where(where);
  return row?.rows ?? 0;
}
