/** Deletes a model with everything that is only its own; its files stay until they are collected. */
import { LeptonError } from '@lepton-edge/protocol';
import { eq, inArray, sql } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import {
  admissions,
  aliases,
  aliasHistory,
  artifacts,
  grants,
  models,
  versionFiles,
  versions,
} from '../../db/schema.ts';
import { findOwnModel } from './find.ts';

/** How often an unforced deletion looks again when something came to refer to the model and went meanwhile. */
const ATTEMPTS = 3;

/** @throws LeptonError `model_not_found`, `missing_scope`, or `model_in_use` without `force` */
export async function deleteModel(ctx: ServiceContext, name: string, force: boolean): Promise<void> {
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    const model = await findOwnModel(ctx, name);
    const users = force ? [] : await usersOf(ctx, model.id);
    if (users.length > 0) throw inUse(name, users);
    if (await commit(ctx, model, force)) {
      ctx.gateway.directory.forgetModel(name);
      ctx.waitUntil(ctx.gateway.metrics.forget(model.id));
      return;
    }
  }
  throw inUse(name, ['something that changes now']);
}

/** One batch; false when the model has come into use, or was deleted, since it was looked at. */
async function commit(ctx: ServiceContext, model: typeof models.$inferSelect, force: boolean): Promise<boolean> {
  const { db, now } = ctx.gateway;
  const { id, name, teamId } = model;
  const there = sql`EXISTS (SELECT 1 FROM models WHERE id = ${id})`;
  const unused = sql`NOT EXISTS (SELECT 1 FROM aliases WHERE model_id = ${id})
    AND NOT EXISTS (SELECT 1 FROM grants WHERE model_id = ${id})`;
  const itsVersions = db.select({ id: versions.id }).from(versions).where(eq(versions.modelId, id));
  const itsFiles = db
    .select({ digest: versionFiles.digest })
    .from(versionFiles)
    .innerJoin(versions, eq(versions.id, versionFiles.versionId))
    .where(eq(versions.modelId, id));
  try {
    await db.batch([
      auditRow(ctx, {
        action: 'model.delete',
        subject: `model/${name}`,
        model: name,
        team: teamId,
        detail: whatGoes(id, force),
        requires: force ? there : sql`${there} AND ${unused}`,
      }),
      // Whoever works with the files still finds them: the time to their collection begins now.
      db.update(artifacts).set({ touchedAt: now() }).where(inArray(artifacts.digest, itsFiles)),
      db.delete(grants).where(eq(grants.modelId, id)),
      db.delete(aliases).where(eq(aliases.modelId, id)),
      db.delete(aliasHistory).where(eq(aliasHistory.modelId, id)),
      db.delete(admissions).where(inArray(admissions.versionId, itsVersions)),
      db.delete(versionFiles).where(inArray(versionFiles.versionId, itsVersions)),
      db.delete(versions).where(eq(versions.modelId, id)),
      db.delete(models).where(eq(models.id, id)),
    ]);
    return true;
  } catch (error) {
    if (isRefused(error)) return false;
    throw error;
  }
}

/** The audit's detail: where every alias pointed, who had grants, and the digests of the versions. */
function whatGoes(id: string, force: boolean) {
  return sql`json_object(
    'force', json(${force ? 'true' : 'false'}),
    'versions', (SELECT json_group_array(json_object('version', version, 'state', state, 'digest', digest))
      FROM versions WHERE model_id = ${id}),
    'aliases', (SELECT json_group_array(json_object('alias', alias, 'revision', revision, 'targets', json(targets)))
      FROM aliases WHERE model_id = ${id}),
    'grants', (SELECT json_group_array(json_object('team', team_id, 'access', access))
      FROM grants WHERE model_id = ${id}))`;
}

async function usersOf({ gateway: { db } }: ServiceContext, modelId: string): Promise<string[]> {
  const [aliasRows, grantRows] = await db.batch([
    db.select({ alias: aliases.alias }).from(aliases).where(eq(aliases.modelId, modelId)).limit(20),
    db.select({ team: grants.teamId }).from(grants).where(eq(grants.modelId, modelId)).limit(20),
  ]);
  return [...aliasRows.map(({ alias }) => `alias "${alias}"`), ...grantRows.map(({ team }) => `a grant to ${team}`)];
}

function inUse(name: string, users: string[]): LeptonError {
  return new LeptonError(
    'model_in_use',
    `model "${name}" is in use (${users.join(', ')}): delete what refers to it first, or say force=true`,
  );
}
