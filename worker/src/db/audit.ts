/** The audit row that every mutation writes in its own batch. */
import { type SQL, sql } from 'drizzle-orm';
import type { ServiceContext } from '../context.ts';
import { isPreconditionFailure } from './database.ts';
import { auditLog } from './schema.ts';

export interface AuditEntry {
  /** `model.create`, `alias.put`, … */
  action: string;
  /** What was changed: `model/digits`, `alias/digits@production`, `key/key_…`. */
  subject: string;
  /** The name of the model it is about, if any. */
  model?: string;
  /** The id of the team whose thing was changed; the caller's by default. */
  team?: string;
  detail?: Record<string, unknown> | SQL;
  /** Set where no key acts: a node that joins by a token. */
  actor?: string;
  /**
   * What must hold in the database for the change to be made: where it does not, the whole batch fails and
   * `isRefused` tells. It is checked where the row stands in the batch, so such a row stands first.
   */
  requires?: SQL;
}

/** The insert, to be put into the batch of the change. */
export function auditRow({ gateway, principal }: Pick<ServiceContext, 'gateway' | 'principal'>, entry: AuditEntry) {
  const { subject, requires } = entry;
  return gateway.db.insert(auditLog).values({
    at: gateway.now(),
    actor: entry.actor ?? principal.keyId,
    teamId: entry.team ?? principal.teamId,
    action: entry.action,
    // NULL, and so an error that ends the batch, when what is required does not hold.
    subject: requires ? sql<string>`CASE WHEN ${requires} THEN ${subject} END` : subject,
    model: entry.model ?? null,
    detail: (entry.detail ?? {}) as Record<string, unknown>,
  });
}

/** Whether a batch failed because what its audit row `requires` did not hold. */
export function isRefused(error: unknown): boolean {
  return isPreconditionFailure(error, 'audit_log.subject');
}
