/** Protects an alias, or no longer: a protected one is moved and deleted only by `admin`. No move, so no revision. */
import type { Alias, PatchAliasInput } from '@lepton-edge/protocol';
import { and, eq, exists, sql } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { aliases } from '../../db/schema.ts';
import { findOwnModel } from '../models/find.ts';
import { aliasNotFound, toAlias } from './wire.ts';

/** @throws LeptonError `model_not_found`, `alias_not_found` */
export async function patchAlias(
  ctx: ServiceContext,
  modelName: string,
  alias: string,
  patch: z.output<typeof PatchAliasInput>,
): Promise<Alias> {
  const model = await findOwnModel(ctx, modelName);
  const { db } = ctx.gateway;
  const one = and(eq(aliases.modelId, model.id), eq(aliases.alias, alias));
  const there = db.select({ one: sql`1` }).from(aliases).where(one);
  try {
    const [, rows] = await db.batch([
      auditRow(ctx, {
        action: 'alias.protect',
        subject: `alias/${model.name}@${alias}`,
        model: model.name,
        team: model.teamId,
        detail: patch,
        requires: exists(there),
      }),
      db.update(aliases).set({ protected: patch.protected }).where(one).returning(),
    ]);
    if (rows[0]) return toAlias(model.name, rows[0]);
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
  throw aliasNotFound(model.name, alias);
}
