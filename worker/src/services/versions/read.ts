/** Reads versions of a model. */
import { LeptonError, type Page, type PageQuery, type Version } from '@lepton-edge/protocol';
import { and, desc, eq, lt } from 'drizzle-orm';
import type { Grant, ServiceContext } from '../../context.ts';
import { models, versions } from '../../db/schema.ts';
import { findModel } from '../models/find.ts';
import { pageFrom, readNumberCursor } from '../page.ts';
import { toVersion } from './wire.ts';

/** A version may be 300 KB: a page has no more of them, whatever is asked for. */
const MAX_PAGE = 100;

/** Newest first. @throws LeptonError `model_not_found` */
export async function listVersions(ctx: ServiceContext, modelName: string, query: PageQuery): Promise<Page<Version>> {
  const limit = Math.min(query.limit, MAX_PAGE);
  const model = await findModel(ctx, modelName);
  const cursor = readNumberCursor(query.cursor);
  const before = cursor === undefined ? undefined : lt(versions.version, cursor);
  const rows = await ctx.gateway.db
    .select()
    .from(versions)
    .where(and(eq(versions.modelId, model.id), before))
    .orderBy(desc(versions.version))
    .limit(limit + 1);
  return pageFrom(
    rows,
    limit,
    (row) => String(row.version),
    (row) => toVersion(model.name, row),
  );
}

/** @throws LeptonError `model_not_found`, `version_not_found` */
export async function getVersion(ctx: ServiceContext, modelName: string, number: number): Promise<Version> {
  const model = await findModel(ctx, modelName);
  const [row] = await ctx.gateway.db
    .select()
    .from(versions)
    .where(and(eq(versions.modelId, model.id), eq(versions.version, number)));
  if (row) return toVersion(model.name, row);
  throw new LeptonError('version_not_found', `model "${model.name}" has no version ${number}`);
}

/** The version a node's grant names. @throws LeptonError `version_not_found` */
export async function getGrantedVersion({ gateway }: ServiceContext, grant: Grant): Promise<Version> {
  const [found] = await gateway.db
    .select({ row: versions })
    .from(versions)
    .innerJoin(models, eq(models.id, versions.modelId))
    .where(and(eq(models.name, grant.model), eq(versions.version, grant.version), eq(versions.digest, grant.digest)));
  if (found) return toVersion(grant.model, found.row);
  throw new LeptonError('version_not_found', `${grant.model}@${grant.version} is no longer there`);
}
