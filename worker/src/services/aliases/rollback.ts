/** Takes an alias back to where it pointed before: a move forward to earlier targets, so that nothing is lost. */
import { type Alias, LeptonError, type RollbackAliasInput } from '@lepton-edge/protocol';
import { and, eq } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { aliasHistory } from '../../db/schema.ts';
import { findOwnModel } from '../models/find.ts';
import { checkTargets } from './check-targets.ts';
import { moveAlias } from './move.ts';
import { aliasNotFound, toAlias } from './wire.ts';

/**
 * Back to the targets of the revision before the current one, or of `toRevision`.
 * @throws LeptonError `model_not_found`, `alias_not_found`, `version_not_ready`, `missing_scope`, and `revision_conflict`
 * also where there is nothing to go back to
 */
export async function rollbackAlias(
  ctx: ServiceContext,
  modelName: string,
  alias: string,
  { reason, toRevision, ifRevision }: z.output<typeof RollbackAliasInput>,
): Promise<Alias> {
  const model = await findOwnModel(ctx, modelName);
  const moved = await moveAlias(ctx, model, alias, ifRevision, async ({ current }) => {
    if (!current) throw aliasNotFound(model.name, alias);
    const revision = toRevision ?? current.revision - 1;
    if (revision === current.revision) {
      throw new LeptonError('revision_conflict', `alias "${alias}" is at revision ${revision} already`);
    }
    const targets = await targetsOf(ctx, model.id, alias, revision);
    await checkTargets(ctx, model, targets);
    return { action: 'alias.rollback', targets, reason, detail: { from: current.revision, toRevision: revision } };
  });
  if (!moved) throw new Error(`alias ${modelName}@${alias} was rolled back and is not there`);
  return toAlias(model.name, moved);
}

async function targetsOf({ gateway }: ServiceContext, modelId: string, alias: string, revision: number) {
  if (revision === 0) {
    throw new LeptonError('revision_conflict', `alias "${alias}" is at its first revision: nothing to roll back to`);
  }
  const [row] = await gateway.db
    .select({ targets: aliasHistory.targets })
    .from(aliasHistory)
    .where(and(eq(aliasHistory.modelId, modelId), eq(aliasHistory.alias, alias), eq(aliasHistory.revision, revision)));
  if (row && row.targets.length > 0) return row.targets;
  throw new LeptonError(
    'revision_conflict',
    row
      ? `alias "${alias}" was deleted by revision ${revision}: name an earlier one as toRevision`
      : `alias "${alias}" has no revision ${revision}: its history lists those it has`,
  );
}
