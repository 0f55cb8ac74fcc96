/** Finds a model that the caller may see, read from the database: the control plane shows what is, not what was. */
import { LeptonError } from '@lepton-edge/protocol';
import { and, eq, max } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { models, versions } from '../../db/schema.ts';
import { mayChange, permitted } from '../access.ts';
import { toModel } from './wire.ts';

/** @throws LeptonError `model_not_found`, the same for hidden and absent. */
export async function findModel({ gateway, principal }: ServiceContext, name: string) {
  const [row] = await gateway.db
    .select()
    .from(models)
    .where(and(eq(models.name, name), permitted(gateway.db, principal, 'read')));
  if (row) return row;
  throw modelNotFound(name);
}

export function modelNotFound(name: string): LeptonError {
  return new LeptonError('model_not_found', `no model is named ${JSON.stringify(name)}`);
}

/** A model the caller may change: of its own team, or any with `admin`. @throws as findModel, or `missing_scope`. */
export async function findOwnModel(ctx: ServiceContext, name: string) {
  const model = await findModel(ctx, name);
  if (mayChange(ctx.principal, model)) return model;
  throw new LeptonError('missing_scope', `model "${name}" belongs to another team: only that team may change it`);
}

export async function getModel(ctx: ServiceContext, name: string) {
  const row = await findModel(ctx, name);
  const [newest] = await ctx.gateway.db
    .select({ version: max(versions.version) })
    .from(versions)
    .where(eq(versions.modelId, row.id));
  return toModel(row, newest?.version ?? null);
}
