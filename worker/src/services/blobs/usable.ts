/** Which stored files a caller may read and make versions of: a digest alone is no capability. */
import { and, eq, exists, inArray, or, type SQL, sql } from 'drizzle-orm';
import type { Principal, ServiceContext } from '../../context.ts';
import type { Database } from '../../db/database.ts';
import { artifacts, artifactTeams, models, versionFiles, versions } from '../../db/schema.ts';
import { permitted } from '../access.ts';

export interface UsableFile {
  key: string;
  digest: string;
  sizeBytes: number;
}

/** D1 takes at most 100 parameters a statement. */
const CHUNK = 50;

/** Those of `digests` that the caller may use; any other is left out, like one that is not stored. */
export async function usableFiles(
  { gateway: { db }, principal }: ServiceContext,
  digests: readonly string[],
): Promise<Map<string, UsableFile>> {
  const files = new Map<string, UsableFile>();
  for (let at = 0; at < digests.length; at += CHUNK) {
    const rows = await db
      .select({ key: artifacts.key, digest: artifacts.digest, sizeBytes: artifacts.sizeBytes })
      .from(artifacts)
      .where(and(inArray(artifacts.digest, digests.slice(at, at + CHUNK)), usableBy(db, principal)));
    for (const row of rows) files.set(row.digest, row);
  }
  return files;
}

/** The rows of `artifacts` that the caller's team uploaded itself, or that a version has which it may read. */
export function usableBy(db: Database, principal: Principal): SQL | undefined {
  if (principal.scopes.has('admin')) return undefined;
  const uploaded = db
    .select({ one: sql`1` })
    .from(artifactTeams)
    .where(and(eq(artifactTeams.digest, artifacts.digest), eq(artifactTeams.teamId, principal.teamId)));
  const readable = db
    .select({ one: sql`1` })
    .from(versionFiles)
    .innerJoin(versions, eq(versions.id, versionFiles.versionId))
    .innerJoin(models, eq(models.id, versions.modelId))
    .where(and(eq(versionFiles.digest, artifacts.digest), permitted(db, principal, 'read')));
  return or(exists(uploaded), exists(readable));
}
