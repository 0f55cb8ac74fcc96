/** Finds a team by its id or its name. */
import { LeptonError } from '@lepton-edge/protocol';
import { eq, or } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { teams } from '../../db/schema.ts';

/** @throws LeptonError `team_not_found` */
export async function findTeam({ gateway }: ServiceContext, idOrName: string) {
  const [team] = await gateway.db
    .select()
    .from(teams)
    .where(or(eq(teams.id, idOrName), eq(teams.name, idOrName)));
  if (team) return team;
  throw new LeptonError('team_not_found', `no team has the id or name ${JSON.stringify(idOrName)}`);
}
