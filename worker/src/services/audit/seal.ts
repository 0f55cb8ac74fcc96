/** Seals the audit log: gives the rows that came since the last time their hashes in the chain. */
import { LeptonError } from '@lepton-edge/protocol';
import { gt, sql } from 'drizzle-orm';
import type { Database } from '../../db/database.ts';
import { auditLog } from '../../db/schema.ts';
import { type AuditHead, extendChain } from './chain.ts';
import { readChunk } from './rows.ts';

const HEAD = 'audit-head';

/**
 * May be repeated at any time: rows whose hashes were written before the head was are found to have the right ones.
 * @param storage of the one Durable Object that seals
 * @throws LeptonError `audit_broken` when a row beyond the head has a hash that is not its own
 */
export async function sealAudit(db: Database, storage: HeadStorage): Promise<void> {
  for (;;) {
    const head = await readHead(storage);
    const rows = await readChunk(db, gt(auditLog.seq, head?.seq ?? Number.MIN_SAFE_INTEGER));
    const hashes = await extendChain(head, rows);
    const last = hashes.at(-1);
    if (!last) return;
    const pairs = JSON.stringify(hashes.map(({ seq, hash }) => [seq, hash]));
    await db.run(sql`UPDATE audit_log SET hash = sealed.hash
      FROM (SELECT value ->> 0 AS seq, value ->> 1 AS hash FROM json_each(${pairs})) AS sealed
      WHERE audit_log.seq = sealed.seq`);
    await storage.put(HEAD, last);
  }
}

/**
 * Seals, and answers where the sealed part ends; undefined where there is none. A log that is broken is sealed no further
 * and told by `verifyAudit`: an error loses its code on the way out of a Durable Object.
 */
export async function sealedHead(db: Database, storage: HeadStorage): Promise<AuditHead | undefined> {
  try {
    await sealAudit(db, storage);
  } catch (error) {
    if (!(error instanceof LeptonError) || error.code !== 'audit_broken') throw error;
  }
  return await readHead(storage);
}

async function readHead(storage: HeadStorage): Promise<AuditHead | undefined> {
  return await storage.get<AuditHead>(HEAD);
}

type HeadStorage = Pick<DurableObjectStorage, 'get' | 'put'>;
