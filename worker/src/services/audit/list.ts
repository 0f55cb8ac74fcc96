/** Lists the audit log, newest first: all of it for `admin`, of its own team for anyone else. */
import type { AuditEntry, AuditQuery, Page } from '@lepton-edge/protocol';
import { and, desc, eq, gte, lt } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { auditLog } from '../../db/schema.ts';
import { pageFrom, readNumberCursor } from '../page.ts';

export async function listAudit(
  { gateway, principal }: ServiceContext,
  { limit, cursor, actor, model, action, since, until }: z.output<typeof AuditQuery>,
): Promise<Page<AuditEntry>> {
  const before = readNumberCursor(cursor);
  const rows = await gateway.db
    .select()
    .from(auditLog)
    .where(
      and(
        principal.scopes.has('admin') ? undefined : eq(auditLog.teamId, principal.teamId),
        before === undefined ? undefined : lt(auditLog.seq, before),
        actor === undefined ? undefined : eq(auditLog.actor, actor),
        model === undefined ? undefined : eq(auditLog.model, model),
        action === undefined ? undefined : eq(auditLog.action, action),
        since === undefined ? undefined : gte(auditLog.at, Date.parse(since)),
        until === undefined ? undefined : lt(auditLog.at, Date.parse(until)),
      ),
    )
    .orderBy(desc(auditLog.seq))
    .limit(limit + 1);
  return pageFrom(rows, limit, (row) => String(row.seq), toEntry);
}

function toEntry(row: typeof auditLog.$inferSelect): AuditEntry {
  return {
    seq: row.seq,
    at: new Date(row.at).toISOString(),
    actor: row.actor,
    team: row.teamId,
    action: row.action,
    subject: row.subject,
    ...(row.model === null ? {} : { model: row.model }),
    detail: row.detail,
    ...(row.hash === null ? {} : { hash: row.hash }),
  };
}
