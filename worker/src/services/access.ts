/** Who may do what with a model: the one rule, for a model at hand and as a condition of a query. */
import type { Access, Visibility } from '@lepton-edge/protocol';
import { and, eq, exists, or, type SQL, sql } from 'drizzle-orm';
import type { Principal } from '../context.ts';
import type { Database } from '../db/database.ts';
import { grants, models } from '../db/schema.ts';

/** What the rule asks of a model. */
export interface Guarded {
  teamId: string;
  visibility: Visibility;
  /** What other teams were granted, by team. */
  grants: ReadonlyMap<string, Access>;
}

/** The owner team and `admin` may do everything. */
export function mayChange(principal: Principal, model: Pick<Guarded, 'teamId'>): boolean {
  return principal.teamId === model.teamId || principal.scopes.has('admin');
}

/** Whether a key may call a model: its owners, everyone where it is public, and teams with any grant. */
export function mayInfer(principal: Principal, model: Guarded): boolean {
  return mayChange(principal, model) || model.visibility === 'public' || model.grants.has(principal.teamId);
}

/**
 * The rows of `models` that a key may use so: its own, public ones, and those its team was granted. To `read` is to look
 * at a model, its versions, aliases and files; a grant to read is also one to infer. Undefined: all rows.
 */
export function permitted(db: Database, principal: Principal, access: Access): SQL | undefined {
  if (principal.scopes.has('admin')) return undefined;
  const granted = db
    .select({ one: sql`1` })
    .from(grants)
    .where(
      and(
        eq(grants.modelId, models.id),
        eq(grants.teamId, principal.teamId),
        access === 'read' ? eq(grants.access, 'read') : undefined,
      ),
    );
  return or(eq(models.teamId, principal.teamId), eq(models.visibility, 'public'), exists(granted));
}
