/** The garbage chore: uploads that were abandoned, files that nothing refers to, answers and tokens past their time. */
import { and, asc, eq, lt, min, sql } from 'drizzle-orm';
import { collectLoose } from '../../artifacts/loose-objects.ts';
import type { Gateway } from '../../context.ts';
import type { Database } from '../../db/database.ts';
import { artifacts, artifactTeams, idempotency, looseObjects, uploadParts, uploads } from '../../db/schema.ts';

/** So much is done at a time. */
const CHUNK = 100;
const MAX_PAUSE_MS = 60 * 60 * 1000;

/** @returns when there is more to do, in ms since 1970 */
export async function collectGarbage({ db, blobs, settings, now }: Gateway): Promise<number> {
  const at = now();
  await db.delete(idempotency).where(lt(idempotency.expiresAt, at));
  await expireUploads(db, at);
  const unused = await releaseUnused(db, at - settings.gcGraceMs, at);
  const collected = await collectLoose(db, blobs, at, CHUNK);
  if (unused === CHUNK || collected === CHUNK) return at;
  return await nextTime(db, settings.gcGraceMs, at);
}

async function expireUploads(db: Database, at: number): Promise<void> {
  const expired = db.select({ id: uploads.id }).from(uploads).where(lt(uploads.expiresAt, at));
  await db.batch([
    db.delete(uploadParts).where(sql`upload_id IN ${expired}`),
    db.delete(uploads).where(lt(uploads.expiresAt, at)),
  ]);
}

/**
 * Files that no version has and nobody touched since `before` become loose objects. One batch each: a version that is made
 * meanwhile either keeps the file or finds it gone.
 */
async function releaseUnused(db: Database, before: number, at: number): Promise<number> {
  const isUnused = sql`touched_at < ${before} AND NOT EXISTS (SELECT 1 FROM version_files f WHERE f.digest = artifacts.digest)`;
  const unused = await db.select({ digest: artifacts.digest }).from(artifacts).where(isUnused).limit(CHUNK);
  for (const { digest } of unused) {
    const still = sql`SELECT digest FROM artifacts WHERE digest = ${digest} AND ${isUnused}`;
    await db.batch([
      db.insert(looseObjects).select(sql`SELECT key, NULL, ${at - 1}, 0 FROM artifacts WHERE digest IN (${still})`),
      db.delete(artifactTeams).where(sql`digest IN (${still})`),
      db.delete(artifacts).where(and(eq(artifacts.digest, digest), isUnused)),
    ]);
  }
  return unused.length;
}

async function nextTime(db: Database, graceMs: number, at: number): Promise<number> {
  const unused = sql`NOT EXISTS (SELECT 1 FROM version_files f WHERE f.digest = artifacts.digest)`;
  const [[loose], [upload], [artifact]] = await db.batch([
    db.select({ time: min(looseObjects.deleteAfter) }).from(looseObjects),
    db.select({ time: min(uploads.expiresAt) }).from(uploads),
    db.select({ time: artifacts.touchedAt }).from(artifacts).where(unused).orderBy(asc(artifacts.touchedAt)).limit(1),
  ]);
  const times = [loose?.time, upload?.time, artifact && artifact.time + graceMs].filter((time) => time != null);
  return Math.max(at + 1000, Math.min(at + MAX_PAUSE_MS, ...times.map((time) => time + 1)));
}
