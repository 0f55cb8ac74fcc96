/** Lists what other teams were granted; only those who may change the model see it. */
import type { Grant, Page, PageQuery } from '@lepton-edge/protocol';
import { and, asc, eq, gt } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { grants } from '../../db/schema.ts';
import { findOwnModel } from '../models/find.ts';
import { pageFrom, readCursor } from '../page.ts';
import { toGrant } from './wire.ts';

/** By the team's id. @throws LeptonError `model_not_found`, `missing_scope` */
export async function listGrants(ctx: ServiceContext, modelName: string, query: PageQuery): Promise<Page<Grant>> {
  const model = await findOwnModel(ctx, modelName);
  const rows = await ctx.gateway.db
    .select()
    .from(grants)
    .where(and(eq(grants.modelId, model.id), gt(grants.teamId, readCursor(query.cursor) ?? '')))
    .orderBy(asc(grants.teamId))
    .limit(query.limit + 1);
  return pageFrom(
    rows,
    query.limit,
    (row) => row.teamId,
    (row) => toGrant(modelName, row),
  );
}
