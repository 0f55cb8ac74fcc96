/** Begins a resumable upload, or finds the one that was begun, or that none is needed. */
import { type CreateUploadInput, LeptonError, type UploadExists } from '@lepton-edge/protocol';
import { and, count, eq, gt, ne } from 'drizzle-orm';
import type { z } from 'zod';
import { newObjectKey } from '../../artifacts/store.ts';
import type { ServiceContext } from '../../context.ts';
import { newId } from '../../db/ids.ts';
import { artifacts, looseObjects, uploads } from '../../db/schema.ts';
import { usableBy } from '../blobs/usable.ts';
import { expiryOf, type UploadRow } from './find.ts';

/** An upload that expires sooner is as good as gone: who is told of it could not go on with it. */
const LEAST_LEFT_MS = 2_000;
/** Of one team at a time: what is begun and never finished takes room until it expires. */
const MAX_OPEN_UPLOADS = 200;

export type BegunUpload = { kind: 'exists'; file: UploadExists } | { kind: 'new' | 'found'; row: UploadRow };

/**
 * A file that is stored for the caller is not sent again. An upload of the same file that the team left open, or whose check
 * broke off, is gone on with.
 * @throws LeptonError `invalid_request` for a size that is not the stored file's, `overloaded` for too many open uploads
 */
export async function createUpload(
  ctx: ServiceContext,
  input: z.output<typeof CreateUploadInput>,
): Promise<BegunUpload> {
  const { db, blobs } = ctx.gateway;
  const now = ctx.gateway.now();
  const stored = await touch(ctx, input, now);
  if (stored) return { kind: 'exists', file: stored };
  const begun = await findUnfinished(ctx, input, now);
  if (begun) return { kind: 'found', row: begun };
  await checkRoom(ctx, now);
  const objectKey = newObjectKey();
  const { uploadId: multipartId } = await blobs.createMultipartUpload(objectKey);
  const row: UploadRow = {
    id: newId('upl'),
    teamId: ctx.principal.teamId,
    digest: input.digest,
    sizeBytes: input.sizeBytes,
    filename: input.filename ?? null,
    state: 'open',
    objectKey,
    multipartId,
    createdAt: now,
    createdBy: ctx.principal.keyId,
    expiresAt: expiryOf(ctx.gateway),
  };
  await db.batch([
    db.insert(uploads).values(row),
    db.insert(looseObjects).values({ key: objectKey, multipartId, deleteAfter: row.expiresAt }),
  ]);
  return { kind: 'new', row };
}

/** The stored file, kept from collection for a while: the caller is about to refer to it. */
async function touch(
  ctx: ServiceContext,
  { digest, sizeBytes }: z.output<typeof CreateUploadInput>,
  now: number,
): Promise<UploadExists | undefined> {
  const [stored] = await ctx.gateway.db
    .update(artifacts)
    .set({ touchedAt: now })
    .where(and(eq(artifacts.digest, digest), usableBy(ctx.gateway.db, ctx.principal)))
    .returning({ sizeBytes: artifacts.sizeBytes });
  if (!stored) return undefined;
  if (stored.sizeBytes === sizeBytes) return { exists: true, digest, sizeBytes };
  throw new LeptonError(
    'invalid_request',
    `sizeBytes: the file with digest ${digest} has ${stored.sizeBytes} bytes, got ${sizeBytes}`,
    { errors: [{ path: 'sizeBytes', message: `expected ${stored.sizeBytes}` }] },
  );
}

async function findUnfinished(
  { gateway, principal }: ServiceContext,
  { digest, sizeBytes }: z.output<typeof CreateUploadInput>,
  now: number,
): Promise<UploadRow | undefined> {
  const [row] = await gateway.db
    .select()
    .from(uploads)
    .where(
      and(
        eq(uploads.teamId, principal.teamId),
        eq(uploads.digest, digest),
        eq(uploads.sizeBytes, sizeBytes),
        ne(uploads.state, 'done'),
        gt(uploads.expiresAt, now + LEAST_LEFT_MS),
      ),
    )
    .limit(1);
  return row;
}

async function checkRoom({ gateway, principal }: ServiceContext, now: number): Promise<void> {
  const [open] = await gateway.db
    .select({ count: count() })
    .from(uploads)
    .where(and(eq(uploads.teamId, principal.teamId), eq(uploads.state, 'open'), gt(uploads.expiresAt, now)));
  if ((open?.count ?? 0) < MAX_OPEN_UPLOADS) return;
  throw new LeptonError(
    'overloaded',
    `this team has ${MAX_OPEN_UPLOADS} uploads open: complete or delete some, or wait until they expire`,
    { retryAfterSeconds: 60 },
  );
}
