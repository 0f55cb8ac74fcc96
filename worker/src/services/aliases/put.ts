/** Moves an alias. Every move appends a revision; two moves at once cannot both win. */
import { type Alias, LeptonError, type PutAliasInput } from '@lepton-edge/protocol';
import { and, eq, inArray, sql } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { isPreconditionFailure, isUniqueViolation } from '../../db/database.ts';
import { aliases, aliasHistory, versions } from '../../db/schema.ts';
import { findOwnModel } from '../models/find.ts';
import { toAlias } from './wire.ts';

type Input = z.output<typeof PutAliasInput>;

/** How often a move without `ifRevision` is tried again when another one came between. */
const ATTEMPTS = 10;

/** @throws LeptonError `model_not_found`, `version_not_found`, `version_not_ready`, `revision_conflict`, `missing_scope` */
export async function putAlias(ctx: ServiceContext, modelName: string, alias: string, input: Input): Promise<Alias> {
  const model = await findOwnModel(ctx, modelName);
  await checkTargets(ctx, model, input);
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const current = await currentAlias(ctx, model.id, alias);
    const revision = current?.revision ?? 0;
    if (input.ifRevision !== undefined && input.ifRevision !== revision)
      throw conflict(alias, input.ifRevision, revision);
    if (current?.protected && !ctx.principal.scopes.has('admin')) {
      throw new LeptonError(
        'missing_scope',
        `alias "${alias}" is protected: only a key with scope "admin" may move it`,
      );
    }
    const moved = await move(
      ctx,
      model,
      { alias, revision: revision + 1, protected: current?.protected ?? false },
      input,
    );
    if (moved) {
      ctx.gateway.directory.forgetModel(model.name);
      return moved;
    }
    if (input.ifRevision !== undefined) throw conflict(alias, input.ifRevision, revision + 1);
  }
  throw new LeptonError('revision_conflict', `alias "${alias}" is being moved by others: try again`);
}

/** The new state, or undefined when another move took the revision first. */
async function move(
  { gateway, principal }: ServiceContext,
  model: { id: string; name: string },
  next: { alias: string; revision: number; protected: boolean },
  input: Input,
): Promise<Alias | undefined> {
  const { db } = gateway;
  const { targets, reason } = input;
  const at = gateway.now();
  const numbers = targets.map((target) => target.version);
  const row = { modelId: model.id, ...next, targets, reason, updatedAt: at, updatedBy: principal.keyId };
  // NULL, and so an error that ends the batch, when a target is no longer ready.
  const targetsIfReady = sql`CASE WHEN (SELECT COUNT(*) FROM versions WHERE model_id = ${model.id} AND state = 'ready'
    AND ${inArray(versions.version, numbers)}) = ${numbers.length} THEN ${JSON.stringify(targets)} END`;
  try {
    await db.batch([
      db.insert(aliasHistory).values({
        modelId: model.id,
        alias: next.alias,
        revision: next.revision,
        targets: targetsIfReady,
        reason,
        createdAt: at,
        createdBy: principal.keyId,
      }),
      db
        .insert(aliases)
        .values(row)
        .onConflictDoUpdate({
          target: [aliases.modelId, aliases.alias],
          set: { revision: row.revision, targets, reason, updatedAt: at, updatedBy: principal.keyId },
        }),
      auditRow(
        { gateway, principal },
        {
          action: 'alias.put',
          subject: `alias/${model.name}@${next.alias}`,
          detail: { revision: next.revision, targets, reason },
        },
      ),
    ]);
  } catch (error) {
    if (isUniqueViolation(error, 'alias_history.revision')) return undefined;
    if (isPreconditionFailure(error, 'alias_history.targets')) {
      throw new LeptonError('version_not_ready', `a target of "${model.name}" is no longer ready`);
    }
    throw error;
  }
  return toAlias(model.name, row);
}

async function currentAlias({ gateway }: ServiceContext, modelId: string, alias: string) {
  const [row] = await gateway.db
    .select({ revision: aliases.revision, protected: aliases.protected })
    .from(aliases)
    .where(and(eq(aliases.modelId, modelId), eq(aliases.alias, alias)));
  return row;
}

async function checkTargets({ gateway }: ServiceContext, model: { id: string; name: string }, { targets }: Input) {
  const numbers = targets.map((target) => target.version);
  const rows = await gateway.db
    .select({ version: versions.version, state: versions.state })
    .from(versions)
    .where(and(eq(versions.modelId, model.id), inArray(versions.version, numbers)));
  for (const number of numbers) {
    const row = rows.find(({ version }) => version === number);
    if (!row) throw new LeptonError('version_not_found', `model "${model.name}" has no version ${number}`);
    if (row.state !== 'ready') {
      throw new LeptonError(
        'version_not_ready',
        `version ${number} of "${model.name}" is ${row.state}, expected ready`,
      );
    }
  }
}

function conflict(alias: string, expected: number, actual: number): LeptonError {
  return new LeptonError(
    'revision_conflict',
    `alias "${alias}" is at revision ${actual}, expected ${expected}: read it again and decide anew`,
  );
}
