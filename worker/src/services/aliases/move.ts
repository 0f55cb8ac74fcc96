/** Moves an alias, whatever the reason. Every move appends a revision; two moves at once cannot both take the same one. */
import { type AliasTarget, LeptonError } from '@lepton-edge/protocol';
import { and, desc, eq, inArray, type SQL, sql } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { isPreconditionFailure, isUniqueViolation } from '../../db/database.ts';
import { aliases, aliasHistory, type models } from '../../db/schema.ts';
import { modelNotFound } from '../models/find.ts';

/** How often a move without `ifRevision` is tried again when another one came between. */
const ATTEMPTS = 10;

type Model = Pick<typeof models.$inferSelect, 'id' | 'name' | 'teamId'>;
type AliasRow = typeof aliases.$inferSelect;

/** What a move does. */
export interface Move {
  action: 'alias.put' | 'alias.rollback' | 'alias.delete';
  /** Empty: the alias is deleted. */
  targets: AliasTarget[];
  reason: string;
  /** What its audit row says besides. */
  detail?: Record<string, unknown>;
}

/** An alias before a move. */
export interface AliasState {
  /** Absent while the alias does not exist. */
  current: AliasRow | undefined;
  /** Of its history, which outlives the alias; 0 where it has none. */
  lastRevision: number;
  lastMovedAt: number;
}

/**
 * Makes the move that `plan` decides on for the state it is given; it is asked again when another move came between.
 * @returns the alias as it is now, undefined when the move deleted it
 * @throws LeptonError `revision_conflict`, `missing_scope`, `version_not_ready`, `model_not_found`, and what `plan` throws
 */
export async function moveAlias(
  ctx: ServiceContext,
  model: Model,
  alias: string,
  ifRevision: number | undefined,
  plan: (state: AliasState) => Move | Promise<Move>,
): Promise<AliasRow | undefined> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const state = await readState(ctx, model.id, alias);
    const revision = state.current?.revision ?? 0;
    if (ifRevision !== undefined && ifRevision !== revision) throw conflict(alias, ifRevision, revision);
    if (state.current?.protected && !ctx.principal.scopes.has('admin')) throw refused(alias);
    const outcome = await commit(ctx, model, alias, state, await plan(state));
    if (outcome === 'taken') continue;
    ctx.gateway.directory.forgetModel(model.name);
    return outcome;
  }
  throw new LeptonError('revision_conflict', `alias "${alias}" is being moved by others: try again`);
}

/** One batch; `taken` when another move took the revision first. */
async function commit(
  ctx: ServiceContext,
  model: Model,
  alias: string,
  state: AliasState,
  move: Move,
): Promise<AliasRow | undefined | 'taken'> {
  const { gateway, principal } = ctx;
  const { db } = gateway;
  const { targets, reason } = move;
  const revision = state.lastRevision + 1;
  // Clocks of isolates differ: history must not go backwards in time.
  const at = Math.max(gateway.now(), state.lastMovedAt);
  const key = { modelId: model.id, alias };
  const now = { revision, targets, reason, updatedAt: at, updatedBy: principal.keyId };
  const change =
    targets.length === 0
      ? db
          .delete(aliases)
          .where(and(eq(aliases.modelId, model.id), eq(aliases.alias, alias)))
          .returning()
      : db
          .insert(aliases)
          .values({ ...key, ...now })
          .onConflictDoUpdate({ target: [aliases.modelId, aliases.alias], set: now })
          .returning();
  try {
    const [, , rows] = await db.batch([
      auditRow(ctx, {
        action: move.action,
        subject: `alias/${model.name}@${alias}`,
        model: model.name,
        team: model.teamId,
        detail: { revision, targets, reason, ...move.detail },
        requires: sql`EXISTS (SELECT 1 FROM models WHERE id = ${model.id})`,
      }),
      db.insert(aliasHistory).values({
        ...key,
        revision,
        targets: ifReady(model.id, targets),
        reason: principal.scopes.has('admin') ? reason : ifUnprotected(key, reason),
        createdAt: at,
        createdBy: principal.keyId,
      }),
      change,
    ]);
    return targets.length === 0 ? undefined : rows[0];
  } catch (error) {
    if (isUniqueViolation(error, 'alias_history.revision')) return 'taken';
    if (isPreconditionFailure(error, 'alias_history.reason')) throw refused(alias);
    if (isPreconditionFailure(error, 'alias_history.targets')) {
      throw new LeptonError('version_not_ready', `a target of "${model.name}" is no longer ready: choose another`);
    }
    if (isRefused(error)) throw modelNotFound(model.name);
    throw error;
  }
}

/** NULL, and so an error that ends the batch, when a target is no longer ready. */
function ifReady(modelId: string, targets: AliasTarget[]): SQL | AliasTarget[] {
  if (targets.length === 0) return targets;
  const numbers = targets.map(({ version }) => version);
  return sql`CASE WHEN (SELECT COUNT(*) FROM versions WHERE model_id = ${modelId} AND state = 'ready'
    AND ${inArray(sql`version`, numbers)}) = ${numbers.length} THEN ${JSON.stringify(targets)} END`;
}

/** NULL, and so an error that ends the batch, when the alias has been protected meanwhile. */
function ifUnprotected(key: { modelId: string; alias: string }, reason: string): SQL<string> {
  return sql`CASE WHEN NOT EXISTS (SELECT 1 FROM aliases WHERE model_id = ${key.modelId} AND alias = ${key.alias}
    AND protected) THEN ${reason} END`;
}

async function readState({ gateway: { db } }: ServiceContext, modelId: string, alias: string): Promise<AliasState> {
  const [[current], [last]] = await db.batch([
    db
      .select()
      .from(aliases)
      .where(and(eq(aliases.modelId, modelId), eq(aliases.alias, alias))),
    db
      .select({ revision: aliasHistory.revision, at: aliasHistory.createdAt })
      .from(aliasHistory)
      .where(and(eq(aliasHistory.modelId, modelId), eq(aliasHistory.alias, alias)))
      .orderBy(desc(aliasHistory.revision))
      .limit(1),
  ]);
  return { current, lastRevision: last?.revision ?? 0, lastMovedAt: last?.at ?? 0 };
}

function refused(alias: string): LeptonError {
  return new LeptonError(
    'missing_scope',
    `alias "${alias}" is protected: only a key with scope "admin" may move or delete it`,
  );
}

function conflict(alias: string, expected: number, actual: number): LeptonError {
  const where = actual === 0 ? 'does not exist (revision 0)' : `is at revision ${actual}`;
  return new LeptonError(
    'revision_conflict',
    `alias "${alias}" ${where}, expected revision ${expected}: read it again and decide anew`,
  );
}
