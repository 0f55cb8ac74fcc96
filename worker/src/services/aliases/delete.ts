/** Deletes an alias: a move to no targets. Its history and its revision numbers go on. */
import type { DeleteAliasQuery } from '@lepton-edge/protocol';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { findOwnModel } from '../models/find.ts';
import { moveAlias } from './move.ts';
import { aliasNotFound } from './wire.ts';

/** @throws LeptonError `model_not_found`, `alias_not_found`, `revision_conflict`, `missing_scope` */
export async function deleteAlias(
  ctx: ServiceContext,
  modelName: string,
  alias: string,
  { reason, ifRevision }: z.output<typeof DeleteAliasQuery>,
): Promise<void> {
  const model = await findOwnModel(ctx, modelName);
  await moveAlias(ctx, model, alias, ifRevision, ({ current }) => {
    if (!current) throw aliasNotFound(model.name, alias);
    return { action: 'alias.delete', targets: [], reason, detail: { from: current.targets } };
  });
}
