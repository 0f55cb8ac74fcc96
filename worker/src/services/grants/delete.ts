/** Takes back what was granted to another team. */
import { LeptonError } from '@lepton-edge/protocol';
import { and, eq, exists, sql } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { grants } from '../../db/schema.ts';
import { findOwnModel } from '../models/find.ts';
import { findTeam } from '../teams/find.ts';

/**
 * Takes effect at once in this isolate, within 10 s everywhere.
 * @throws LeptonError `model_not_found`, `missing_scope`, `team_not_found`, `grant_not_found`
 */
export async function deleteGrant(ctx: ServiceContext, modelName: string, teamIdOrName: string): Promise<void> {
  const model = await findOwnModel(ctx, modelName);
  const team = await findTeam(ctx, teamIdOrName);
  const { db, directory } = ctx.gateway;
  const one = and(eq(grants.modelId, model.id), eq(grants.teamId, team.id));
  const there = db.select({ one: sql`1` }).from(grants).where(one);
  try {
    await db.batch([
      auditRow(ctx, {
        action: 'grant.delete',
        subject: `grant/${modelName}/${team.id}`,
        model: modelName,
        team: model.teamId,
        detail: { team: team.id },
        requires: exists(there),
      }),
      db.delete(grants).where(one),
    ]);
  } catch (error) {
    if (!isRefused(error)) throw error;
    throw new LeptonError('grant_not_found', `team "${team.name}" has no grant for model "${modelName}"`);
  }
  directory.forgetModel(modelName);
}
