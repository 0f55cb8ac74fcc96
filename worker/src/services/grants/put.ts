/** Grants another team access to a model, or changes what was granted. */
import { type Grant, LeptonError, type PutGrantInput } from '@lepton-edge/protocol';
import { sql } from 'drizzle-orm';
import type { z } from 'zod';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { grants } from '../../db/schema.ts';
import { findOwnModel, modelNotFound } from '../models/find.ts';
import { findTeam } from '../teams/find.ts';
import { toGrant } from './wire.ts';

/**
 * Takes effect at once in this isolate, within 10 s everywhere.
 * @throws LeptonError `model_not_found`, `missing_scope`, `team_not_found`, `invalid_request` for the owner team
 */
export async function putGrant(
  ctx: ServiceContext,
  modelName: string,
  teamIdOrName: string,
  { access }: z.output<typeof PutGrantInput>,
): Promise<Grant> {
  const model = await findOwnModel(ctx, modelName);
  const team = await findTeam(ctx, teamIdOrName);
  if (team.id === model.teamId) {
    throw new LeptonError(
      'invalid_request',
      `team: expected another team, got "${team.name}", which owns "${modelName}"`,
    );
  }
  const { db, directory, now } = ctx.gateway;
  try {
    const [, rows] = await db.batch([
      auditRow(ctx, {
        action: 'grant.put',
        subject: `grant/${modelName}/${team.id}`,
        model: modelName,
        team: model.teamId,
        detail: { team: team.id, access },
        requires: sql`EXISTS (SELECT 1 FROM models WHERE id = ${model.id})`,
      }),
      db
        .insert(grants)
        .values({ modelId: model.id, teamId: team.id, access, createdAt: now(), createdBy: ctx.principal.keyId })
        .onConflictDoUpdate({ target: [grants.modelId, grants.teamId], set: { access } })
        .returning(),
    ]);
    directory.forgetModel(modelName);
    if (rows[0]) return toGrant(modelName, rows[0]);
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
  throw modelNotFound(modelName);
}
