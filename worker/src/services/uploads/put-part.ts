/** Stores one part of an upload; sent again, it replaces itself. */
import { LeptonError, partCountOf, partLength, type UploadedPart } from '@lepton-edge/protocol';
import { eq, sql } from 'drizzle-orm';
import type { ServiceContext } from '../../context.ts';
import { isForeignKeyViolation } from '../../db/database.ts';
import { looseObjects, uploadParts, uploads } from '../../db/schema.ts';
import { expiryOf, findUpload, uploadNotFound } from './find.ts';

export interface PartBody {
  body: ReadableStream<Uint8Array>;
  sizeBytes: number;
}

/**
 * @param k from 1
 * @throws LeptonError `upload_not_found`, `invalid_request` for a part there is not, of another length, or broken off
 */
export async function putPart(ctx: ServiceContext, id: string, k: number, part: PartBody): Promise<UploadedPart> {
  const { db, blobs } = ctx.gateway;
  const { row } = await findUpload(ctx, id);
  checkPart(row, k, part.sizeBytes);
  let etag: string;
  try {
    const stored = await blobs.resumeMultipartUpload(row.objectKey, row.multipartId).uploadPart(k, part.body);
    etag = stored.etag;
  } catch (cause) {
    // It may have expired meanwhile, or been given up: there is nothing to send it again to.
    await findUpload(ctx, id);
    // Either the caller broke off or the storage failed: which one cannot be told here, and what to do is the same.
    throw new LeptonError('unavailable', `part ${k} did not come through: send it again`, {
      cause,
      retryAfterSeconds: 1,
    });
  }
  const expiresAt = expiryOf(ctx.gateway);
  try {
    await db.batch([
      db
        .insert(uploadParts)
        .values({ uploadId: id, part: k, etag })
        .onConflictDoUpdate({
          target: [uploadParts.uploadId, uploadParts.part],
          set: { etag, sends: sql`upload_parts.sends + 1` },
        }),
      db.update(uploads).set({ expiresAt }).where(eq(uploads.id, id)),
      db.update(looseObjects).set({ deleteAfter: expiresAt }).where(eq(looseObjects.key, row.objectKey)),
    ]);
  } catch (error) {
    if (isForeignKeyViolation(error)) throw uploadNotFound(id);
    throw error;
  }
  return { part: k, sizeBytes: part.sizeBytes };
}

function checkPart(row: { state: string; sizeBytes: number }, k: number, sizeBytes: number): void {
  const parts = partCountOf(row.sizeBytes);
  if (k < 1 || k > parts) {
    throw new LeptonError('invalid_request', `this upload of ${row.sizeBytes} bytes has parts 1 to ${parts}, got ${k}`);
  }
  const expected = partLength(row.sizeBytes, k);
  if (sizeBytes !== expected) {
    throw new LeptonError('invalid_request', `part ${k} of ${parts} has ${expected} bytes, got ${sizeBytes}`);
  }
  if (row.state !== 'open') {
    throw new LeptonError('upload_incomplete', `this upload is ${row.state}: all of its parts came already`);
  }
}
