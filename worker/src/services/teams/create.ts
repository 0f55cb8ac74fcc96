/** Makes a team. */
import { LeptonError, type Team } from '@lepton-edge/protocol';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { isUniqueViolation } from '../../db/database.ts';
import { newId } from '../../db/ids.ts';
import { teams } from '../../db/schema.ts';

/** @throws LeptonError `name_taken` */
export async function createTeam(ctx: ServiceContext, { name }: { name: string }): Promise<Team> {
  const row = { id: newId('team'), name, createdAt: ctx.gateway.now() };
  try {
    await ctx.gateway.db.batch([
      ctx.gateway.db.insert(teams).values(row),
      auditRow(ctx, { action: 'team.create', subject: `team/${row.id}`, team: row.id, detail: { name } }),
    ]);
  } catch (cause) {
    if (isUniqueViolation(cause, 'teams.name'))
      throw new LeptonError('name_taken', `a team is named "${name}" already`);
    throw cause;
  }
  return { id: row.id, name, createdAt: new Date(row.createdAt).toISOString() };
}
