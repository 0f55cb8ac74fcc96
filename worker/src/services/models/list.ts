/** Lists the models that the caller may see, by name. */
import type { Model, Page, PageQuery } from '@lepton-edge/protocol';
import { and, asc, gt, sql } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { models } from '../../db/schema.ts';
import { permitted } from '../access.ts';
import { pageFrom, readCursor } from '../page.ts';
import { toModel } from './wire.ts';

export async function listModels({ gateway, principal }: ServiceContext, query: PageQuery): Promise<Page<Model>> {
  const rows = await gateway.db
    .select({
      model: models,
      // Column names stand alone in a selection, so the tables are named by hand.
      latest: sql<number | null>`(SELECT MAX(versions.version) FROM versions WHERE versions.model_id = models.id)`,
    })
    .from(models)
    .where(and(permitted(gateway.db, principal, 'read'), gt(models.name, readCursor(query.cursor) ?? '')))
    .orderBy(asc(models.name))
    .limit(query.limit + 1);
  return pageFrom(
    rows,
    query.limit,
    (row) => row.model.name,
    (row) => toModel(row.model, row.latest),
  );
}
