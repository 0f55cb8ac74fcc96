/** Finds an upload of the caller's team, and tells how far it has come. */
import { LeptonError, PART_BYTES, partCountOf, type Upload } from '@lepton-edge/protocol';
import { asc, eq } from 'drizzle-orm';
import type { Gateway, ServiceContext } from '../../context.ts';
import { uploadParts, uploads } from '../../db/schema.ts';

export type UploadRow = typeof uploads.$inferSelect;
export type PartRow = typeof uploadParts.$inferSelect;

/** When an upload whose last part came now is given up. */
export function expiryOf({ now, settings }: Gateway): number {
  return now() + settings.uploadTtlMs;
}

/** @throws LeptonError `upload_not_found`, the same for another team's, an expired one and none */
export async function findUpload(ctx: ServiceContext, id: string): Promise<{ row: UploadRow; parts: PartRow[] }> {
  const { db, now } = ctx.gateway;
  const [[row], parts] = await db.batch([
    db.select().from(uploads).where(eq(uploads.id, id)),
    db.select().from(uploadParts).where(eq(uploadParts.uploadId, id)).orderBy(asc(uploadParts.part)),
  ]);
  if (row && mayUse(ctx, row) && row.expiresAt > now()) return { row, parts };
  throw uploadNotFound(id);
}

export function uploadNotFound(id: string): LeptonError {
  return new LeptonError('upload_not_found', `no upload has the id ${JSON.stringify(id)}: it expired, or never was`);
}

function mayUse({ principal }: ServiceContext, row: UploadRow): boolean {
  return row.teamId === principal.teamId || principal.scopes.has('admin');
}

export function toUpload(row: UploadRow, parts: readonly Pick<PartRow, 'part'>[]): Upload {
  return {
    id: row.id,
    digest: row.digest,
    sizeBytes: row.sizeBytes,
    ...(row.filename === null ? {} : { filename: row.filename }),
    state: row.state,
    partSizeBytes: PART_BYTES,
    partCount: partCountOf(row.sizeBytes),
    received: parts.map(({ part }) => part),
    createdAt: new Date(row.createdAt).toISOString(),
    expiresAt: new Date(row.expiresAt).toISOString(),
  };
}
