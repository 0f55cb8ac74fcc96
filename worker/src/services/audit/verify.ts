/** Verifies the audit log: computes the chain anew and compares it with what the rows and the head say. */
import type { AuditVerified } from '@lepton-edge/protocol';
import { and, gt, isNotNull, lte, type SQL, sql } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { auditLog } from '../../db/schema.ts';
import { type AuditHead, broken, checkChain, checkEnd } from './chain.ts';
import { CHUNK_ROWS, readChunk } from './rows.ts';

/** @throws LeptonError `audit_broken` naming the first row that was changed, is missing or was inserted */
export async function verifyAudit(db: Database, head: AuditHead | undefined): Promise<AuditVerified> {
  if (!head) {
    const [row] = await readChunk(db, isNotNull(auditLog.hash));
    if (row) throw broken(`entry ${row.seq} has a hash, but nothing was ever sealed`);
    return { ok: true, entries: 0, unsealed: await count(db, undefined) };
  }
  const beyond = gt(auditLog.seq, head.seq);
  const sealed = await walk(db, lte(auditLog.seq, head.seq), undefined);
  checkEnd(sealed.end, head);
  // Sealed since the head was asked for, or made to look so.
  await walk(db, and(beyond, isNotNull(auditLog.hash)), head);
  return { ok: true, entries: sealed.entries, unsealed: await count(db, beyond), head: head.hash };
}

/** Checks rows in chunks. */
async function walk(db: Database, which: SQL | undefined, from: AuditHead | undefined) {
  let end = from;
  for (let entries = 0; ; ) {
    const rows = await readChunk(db, and(which, end && gt(auditLog.seq, end.seq)));
    end = await checkChain(end, rows);
    entries += rows.length;
    if (rows.length < CHUNK_ROWS) return { end, entries };
  }
}

async function count(db: Database, where: SQL | undefined): Promise<number> {
  const [row] = await db.select({ rows: sql<number>`COUNT(*)` }).from(auditLog).where(where);
  return row?.rows ?? 0;
}
