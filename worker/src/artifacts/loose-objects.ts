/**
 * Objects that nothing refers to. One is noted before it is written and struck off in the very batch that first refers to
 * it, so that whatever is interrupted in between is collected; one that is being deleted can no more be referred to.
 */
import { and, eq, lt, notExists, sql } from 'drizzle-orm';
import type { Gateway } from '../context.ts';
import type { Database } from '../db/database.ts';
import { artifacts, artifactTeams, looseObjects } from '../db/schema.ts';
import type { StoredObject } from './store.ts';

/** What is still loose then was interrupted: an upload in one request is given half of it to write its object. */
const LOOSE_FOR_MS = 60 * 60 * 1000;

/** Notes an object that is about to be written. @returns the time there is for that, in ms */
export async function noteLoose({ db, now, settings }: Gateway, key: string): Promise<number> {
  const looseForMs = Math.min(LOOSE_FOR_MS, settings.uploadTtlMs);
  await db.insert(looseObjects).values({ key, deleteAfter: now() + looseForMs });
  return looseForMs / 2;
}

/**
 * The statements that make verified bytes usable by a team, for the front of a batch. Where the digest is stored already
 * that object stays and this one remains loose, to be deleted at once. Where the object is being deleted they insert
 * nothing, and what refers to the digest behind them in the batch fails.
 */
export function adopt(db: Database, { key, digest, sizeBytes }: StoredObject, teamId: string, now: number) {
  const stillThere = sql`EXISTS (SELECT 1 FROM loose_objects WHERE key = ${key} AND claimed = 0)`;
  return [
    db
      .insert(artifacts)
      .select(sql`SELECT ${digest}, ${key}, ${sizeBytes}, ${now}, ${now} WHERE ${stillThere}`)
      .onConflictDoUpdate({ target: artifacts.digest, set: { touchedAt: now } }),
    db
      .insert(artifactTeams)
      .select(sql`SELECT digest, ${teamId} FROM artifacts WHERE digest = ${digest}`)
      .onConflictDoNothing(),
    db
      .delete(looseObjects)
      .where(
        and(eq(looseObjects.key, key), sql`EXISTS (SELECT 1 FROM artifacts WHERE artifacts.key = loose_objects.key)`),
      ),
    db.update(looseObjects).set({ deleteAfter: now }).where(eq(looseObjects.key, key)),
  ] as const;
}

/** Deletes loose objects whose time has come, at most `limit`. @returns how many */
export async function collectLoose(db: Database, blobs: R2Bucket, now: number, limit: number): Promise<number> {
  const due = await db.select().from(looseObjects).where(lt(looseObjects.deleteAfter, now)).limit(limit);
  for (const { key, multipartId } of due) {
    const referred = db.select({ one: sql`1` }).from(artifacts).where(eq(artifacts.key, looseObjects.key));
    const claimed = await db
      .update(looseObjects)
      .set({ claimed: true })
      .where(and(eq(looseObjects.key, key), notExists(referred)))
      .returning({ key: looseObjects.key });
    if (claimed.length === 0) continue;
    if (multipartId !== null) await abort(blobs, key, multipartId);
    await blobs.delete(key);
    await db.delete(looseObjects).where(eq(looseObjects.key, key));
  }
  return due.length;
}

/** An upload that was completed or aborted before is no longer there to be aborted, which is as good. */
async function abort(blobs: R2Bucket, key: string, multipartId: string): Promise<void> {
  try {
    await blobs.resumeMultipartUpload(key, multipartId).abort();
  } catch (error) {
    if (!/NoSuchUpload|does not exist|10024/i.test(String(error))) throw error;
  }
}
