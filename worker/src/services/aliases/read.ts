/** Reads aliases of a model. */
import type { Alias, Page, PageQuery } from '@lepton-edge/protocol';
import { and, asc, eq, gt } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { aliases } from '../../db/schema.ts';
import { findModel } from '../models/find.ts';
import { pageFrom, readCursor } from '../page.ts';
import { aliasNotFound, toAlias } from './wire.ts';

/** @throws LeptonError `model_not_found`, `alias_not_found` */
export async function getAlias(ctx: ServiceContext, modelName: string, alias: string): Promise<Alias> {
  const model = await findModel(ctx, modelName);
  const [row] = await ctx.gateway.db
    .select()
    .from(aliases)
    .where(and(eq(aliases.modelId, model.id), eq(aliases.alias, alias)));
  if (row) return toAlias(model.name, row);
  throw aliasNotFound(model.name, alias);
}

/** @throws LeptonError `model_not_found` */
export async function listAliases(ctx: ServiceContext, modelName: string, query: PageQuery): Promise<Page<Alias>> {
  const model = await findModel(ctx, modelName);
  const rows = await ctx.gateway.db
    .select()
    .from(aliases)
    .where(and(eq(aliases.modelId, model.id), gt(aliases.alias, readCursor(query.cursor) ?? '')))
    .orderBy(asc(aliases.alias))
    .limit(query.limit + 1);
  return pageFrom(
    rows,
    query.limit,
    (row) => row.alias,
    (row) => toAlias(model.name, row),
  );
}
