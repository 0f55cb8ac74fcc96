/** Changes what a model says of itself; its name and its team stay. */
import type { Model, PatchModelInput } from '@lepton-edge/protocol';
import { eq, sql } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { models } from '../../db/schema.ts';
import { findOwnModel, getModel, modelNotFound } from './find.ts';

/** @throws LeptonError `model_not_found`, `missing_scope` */
export async function patchModel(
  ctx: ServiceContext,
  name: string,
  patch: z.output<typeof PatchModelInput>,
): Promise<Model> {
  const model = await findOwnModel(ctx, name);
  const { db, directory } = ctx.gateway;
  try {
    await db.batch([
      auditRow(ctx, {
        action: 'model.patch',
        subject: `model/${name}`,
        model: name,
        team: model.teamId,
        detail: patch,
        requires: sql`EXISTS (SELECT 1 FROM models WHERE id = ${model.id})`,
      }),
      db.update(models).set(defined(patch)).where(eq(models.id, model.id)),
    ]);
  } catch (error) {
    if (isRefused(error)) throw modelNotFound(name);
    throw error;
  }
  directory.forgetModel(name);
  return await getModel(ctx, name);
}

function defined({ task, description, visibility, labels }: z.output<typeof PatchModelInput>) {
  return {
    ...(task === undefined ? {} : { task }),
    ...(description === undefined ? {} : { description }),
    ...(visibility === undefined ? {} : { visibility }),
    ...(labels === undefined ? {} : { labels }),
  };
}
