/** Which stored files a caller may make versions of. */
import { and, eq, inArray, or, type SQL, sql } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { artifacts } from '../../db/schema.ts';

export interface UsableFile {
  key: string;
  digest: string;
  sizeBytes: number;
}

/**
 * A digest is no capability: a team may use a file that it uploaded itself, or that a version has which it may read. Any
 * other one is left out, like one that is not stored.
 */
export async function usableFiles(ctx: ServiceContext, digests: readonly string[]): Promise<Map<string, UsableFile>> {
  const files = new Map<string, UsableFile>();
  // D1 takes at most 100 parameters a statement.
  for (let at = 0; at < digests.length; at += 50) {
    const rows = await ctx.gateway.db
      .select({ key: artifacts.key, digest: artifacts.digest, sizeBytes: artifacts.sizeBytes })
      .from(artifacts)
      .where(and(inArray(artifacts.digest, digests.slice(at, at + 50)), mayUse(ctx)));
    for (const row of rows) files.set(row.digest, row);
  }
  return files;
}

/** As a condition on `artifacts`. */
function mayUse({ principal }: Pick<ServiceContext, 'principal'>): SQL | undefined {
  if (principal.scopes.has('admin')) return undefined;
  const { teamId } = principal;
  return or(
    sql`EXISTS (SELECT 1 FROM artifact_teams t WHERE t.digest = artifacts.digest AND t.team_id = ${teamId})`,
    sql`EXISTS (SELECT 1 FROM version_files f JOIN versions v ON v.id = f.version_id JOIN models m ON m.id = v.model_id
      WHERE f.digest = artifacts.digest AND (m.team_id = ${teamId} OR m.visibility = 'public' OR EXISTS (
        SELECT 1 FROM grants g WHERE g.model_id = m.id AND g.team_id = ${teamId} AND g.access = 'read')))`,
  );
}

/** The condition that a file is stored under this digest for this caller. */
export function isUsable(ctx: ServiceContext, digest: string): SQL | undefined {
  return and(eq(artifacts.digest, digest), mayUse(ctx));
}
