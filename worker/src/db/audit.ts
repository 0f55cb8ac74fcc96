/** The audit row that every mutation writes in its own batch. */
import type { SQL } from 'drizzle-orm';
import type { ServiceContext } from '../context.ts';
import { auditLog } from './schema.ts';

export interface AuditEntry {
  /** `model.create`, `alias.put`, … */
  action: string;
  /** What was changed: `model/digits`, `alias/digits@production`, `key/key_…`. */
  subject: string;
  detail?: Record<string, unknown> | SQL;
  /** Set where no key acts: a node that joins by a token. */
  actor?: string;
}

/** The insert, to be put last in a batch. */
export function auditRow({ gateway, principal }: Pick<ServiceContext, 'gateway' | 'principal'>, entry: AuditEntry) {
  return gateway.db.insert(auditLog).values({
    at: gateway.now(),
    actor: entry.actor ?? principal.keyId,
    teamId: principal.teamId,
    action: entry.action,
    subject: entry.subject,
    detail: (entry.detail ?? {}) as Record<string, unknown>,
  });
}
