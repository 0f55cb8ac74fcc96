/** Points an alias at versions, and makes it where there is none. */
import type { Alias, PutAliasInput } from '@lepton-edge/protocol';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { findOwnModel } from '../models/find.ts';
import { checkTargets } from './check-targets.ts';
import { moveAlias } from './move.ts';
import { toAlias } from './wire.ts';

/** @throws LeptonError `model_not_found`, `version_not_found`, `version_not_ready`, `revision_conflict`, `missing_scope` */
export async function putAlias(
  ctx: ServiceContext,
  modelName: string,
  alias: string,
  { targets, reason, ifRevision }: z.output<typeof PutAliasInput>,
): Promise<Alias> {
  const model = await findOwnModel(ctx, modelName);
  await checkTargets(ctx, model, targets);
  const moved = await moveAlias(ctx, model, alias, ifRevision, () => ({ action: 'alias.put', targets, reason }));
  if (!moved) throw new Error(`alias ${modelName}@${alias} was put and is not there`);
  return toAlias(model.name, moved);
}
