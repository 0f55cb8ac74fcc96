/** Ends an upload: puts the parts together, verifies the digest over what is stored, and only then lets it be referred to. */
import { LeptonError, partCountOf, partLength, type StoredFile } from '@lepton-edge/protocol';
import { and, eq, gt, inArray, sql } from 'drizzle-orm';
import { adopt } from '../../artifacts/loose-objects.ts';
import { digestOfObject } from '../../artifacts/store.ts';
import type { ServiceContext } from '../../context.ts';
import { auditRow, isRefused } from '../../db/audit.ts';
import { artifacts, looseObjects, uploadParts, uploads } from '../../db/schema.ts';
import { findUpload, type PartRow, type UploadRow, uploadNotFound } from './find.ts';

/** At most so many parts are named in one refusal. */
const MAX_NAMED = 100;

/**
 * Idempotent: done again it answers the same, and goes on where an earlier try was interrupted.
 * @throws LeptonError `upload_not_found`; `upload_incomplete` naming the parts to send; `digest_mismatch`, after which the
 * upload is gone
 */
export async function completeUpload(ctx: ServiceContext, id: string): Promise<StoredFile> {
  const { blobs, db } = ctx.gateway;
  const { row, parts } = await findUpload(ctx, id);
  const file = { digest: row.digest, sizeBytes: row.sizeBytes };
  if (row.state === 'done') return file;
  if (row.state === 'open') {
    checkComplete(row, parts);
    await assemble(ctx, row, parts);
    await db
      .update(uploads)
      .set({ state: 'verifying' })
      .where(and(eq(uploads.id, id), eq(uploads.state, 'open')));
  }
  const digest = await digestOfObject(blobs, row.objectKey, row.sizeBytes);
  if (digest === undefined) throw await lost(ctx, row);
  if (digest !== row.digest) {
    await dropUpload(ctx, row);
    throw new LeptonError(
      'digest_mismatch',
      `expected bytes with digest ${row.digest}, got ${digest}: nothing was kept, begin the upload again`,
    );
  }
  await record(ctx, row);
  return file;
}

function checkComplete(row: UploadRow, parts: readonly PartRow[]): void {
  const received = new Set(parts.map(({ part }) => part));
  const missing = Array.from({ length: partCountOf(row.sizeBytes) }, (_, i) => i + 1).filter((k) => !received.has(k));
  if (missing.length > 0) throw incomplete(row, missing, 'did not come');
}

async function assemble(ctx: ServiceContext, row: UploadRow, parts: readonly PartRow[]): Promise<void> {
  const { blobs, db } = ctx.gateway;
  const tags = parts.map(({ part, etag }) => ({ partNumber: part, etag }));
  try {
    await blobs.resumeMultipartUpload(row.objectKey, row.multipartId).complete(tags);
  } catch (cause) {
    // Put together by an earlier call whose answer or bookkeeping was lost?
    const stored = await blobs.head(row.objectKey);
    if (stored?.size === row.sizeBytes) return;
    if (!/InvalidPart|specified parts? could not be found|10025/i.test(String(cause))) {
      await findUpload(ctx, row.id);
      const sentence = 'the parts cannot be put together now: complete it again';
      throw new LeptonError('unavailable', sentence, { cause, retryAfterSeconds: 1 });
    }
    // Of a part that was sent twice at once, R2 may have kept the other one than we noted.
    const twice = parts.filter(({ sends }) => sends > 1);
    const suspects = (twice.length > 0 ? twice : parts).map(({ part }) => part);
    await db
      .delete(uploadParts)
      .where(
        and(
          eq(uploadParts.uploadId, row.id),
          twice.length > 0 ? gt(uploadParts.sends, 1) : inArray(uploadParts.part, suspects.slice(0, 90)),
        ),
      );
    throw incomplete(row, suspects.slice(0, 90), 'is no longer in storage');
  }
}

function incomplete(row: UploadRow, parts: readonly number[], what: string): LeptonError {
  const named = parts.slice(0, MAX_NAMED);
  const more = parts.length > named.length ? ` and ${parts.length - named.length} more` : '';
  return new LeptonError(
    'upload_incomplete',
    `${parts.length} of ${partCountOf(row.sizeBytes)} parts are to be sent: ${named.join(', ')}${more}`,
    {
      errors: named.map((k) => ({
        path: `parts.${k}`,
        message: `${what}: expected ${partLength(row.sizeBytes, k)} bytes`,
      })),
    },
  );
}

/** One batch, so that the file is there for the team or the upload goes on; of several calls at once one makes it. */
async function record(ctx: ServiceContext, row: UploadRow): Promise<void> {
  const { db, now } = ctx.gateway;
  const at = now();
  const { objectKey: key, digest, sizeBytes, teamId } = row;
  try {
    await db.batch([
      auditRow(ctx, {
        action: 'upload.complete',
        subject: `blob/${digest}`,
        team: teamId,
        detail: { upload: row.id, sizeBytes },
        requires: sql`EXISTS (SELECT 1 FROM uploads WHERE id = ${row.id} AND state <> 'done')`,
      }),
      ...adopt(db, { key, digest, sizeBytes }, teamId, at),
      db.update(uploads).set({ state: 'done' }).where(eq(uploads.id, row.id)),
      db.delete(uploadParts).where(eq(uploadParts.uploadId, row.id)),
    ]);
  } catch (error) {
    if (!isRefused(error)) throw error;
    const { row: other } = await findUpload(ctx, row.id);
    if (other.state !== 'done') throw error;
  }
  // It expired while it was verified, and its object is being collected.
  const [stored] = await db.select({ key: artifacts.key }).from(artifacts).where(eq(artifacts.digest, digest));
  if (!stored) throw uploadNotFound(row.id);
}

async function lost(ctx: ServiceContext, row: UploadRow): Promise<LeptonError> {
  await dropUpload(ctx, row);
  return new LeptonError('upload_not_found', `the upload ${row.id} is no longer in storage: begin it again`);
}

/** Nothing of it stays; what is stored is collected. */
export async function dropUpload({ gateway: { db } }: ServiceContext, row: UploadRow): Promise<void> {
  await db.batch([
    db.delete(uploadParts).where(eq(uploadParts.uploadId, row.id)),
    db.delete(uploads).where(eq(uploads.id, row.id)),
    db.update(looseObjects).set({ deleteAfter: 0 }).where(eq(looseObjects.key, row.objectKey)),
  ]);
}
