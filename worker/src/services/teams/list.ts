/** Lists teams by name. */
import type { Page, PageQuery, Team } from '@lepton-edge/protocol';
import { asc, gt } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { teams } from '../../db/schema.ts';
import { pageFrom, readCursor } from '../page.ts';

export async function listTeams({ gateway }: ServiceContext, query: PageQuery): Promise<Page<Team>> {
  const rows = await gateway.db
    .select()
    .from(teams)
    .where(gt(teams.name, readCursor(query.cursor) ?? ''))
    .orderBy(asc(teams.name))
    .limit(query.limit + 1);
  return pageFrom(
    rows,
    query.limit,
    (row) => row.name,
    ({ id, name, createdAt }) => ({
      id,
      name,
      createdAt: new Date(createdAt).toISOString(),
    }),
  );
}
