/** How many versions of a team may be in admission at a time: each takes the trial's time from everybody's. */
import { LeptonError } from '@lepton-edge/protocol';
import { type SQL, sql } from 'drizzle-orm';
import type { Gateway } from '../../context.ts';
import { isPreconditionFailure } from '../../db/database.ts';

const RETRY_SECONDS = 10;

/** For the batch that inserts a version: what to write as its state, nothing where the team has too many, which ends the batch. */
export function admittingWithin({ settings }: Gateway, teamId: string): SQL<'admitting'> {
  return sql`CASE WHEN ${admittingOf(teamId)} < ${settings.maxAdmittingPerTeam} THEN 'admitting' END`;
}

/** Whether a batch failed because of that. */
export function isOverLimit(error: unknown): boolean {
  return isPreconditionFailure(error, 'versions.state');
}

/** Before anything is stored or read in vain. @throws LeptonError `overloaded` */
export async function checkAdmitting(gateway: Gateway, teamId: string): Promise<void> {
  const [row] = await gateway.db.select({ count: admittingOf(teamId) }).from(sql`(SELECT 1)`);
  if ((row?.count ?? 0) >= gateway.settings.maxAdmittingPerTeam) throw tooManyAdmitting(gateway);
}

export function tooManyAdmitting({ settings }: Gateway): LeptonError {
  return new LeptonError(
    'overloaded',
    `this team has ${settings.maxAdmittingPerTeam} versions in admission, the most there may be at a time: try again when some are ready`,
    { retryAfterSeconds: RETRY_SECONDS },
  );
}

function admittingOf(teamId: string): SQL<number> {
  return sql`(SELECT COUNT(*) FROM admissions a JOIN versions v ON v.id = a.version_id
    JOIN models m ON m.id = v.model_id WHERE m.team_id = ${teamId})`;
}
