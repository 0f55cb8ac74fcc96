/** Makes a version: of one uploaded body, or of files that are stored already. */
import { type CreateVersionInput, LeptonError, type ManifestInput, type Version } from '@lepton-edge/protocol';
import type { z } from 'zod';
import { adopt, noteLoose } from '../../artifacts/loose-objects.ts';
import { newObjectKey, type StoredObject, storeStream } from '../../artifacts/store.ts';
import type { ServiceContext } from '../../context.ts';
import { usableFiles } from '../blobs/usable.ts';
import { findOwnModel } from '../models/find.ts';
import { checkAdmitting } from './admitting-limit.ts';
import { insertVersion } from './insert.ts';
import { staticCheck } from './static-check.ts';

/** A single-request upload is at most this long. */
export const MAX_UPLOAD_BYTES = 64 * 1024 * 1024;

export interface VersionUpload {
  body: ReadableStream<Uint8Array>;
  sizeBytes: number;
  manifest: z.output<typeof ManifestInput>;
  /** What the uploader says the bytes are; checked when given. */
  digest: string | undefined;
}

/**
 * A refused upload keeps nothing and uses no number.
 * @throws LeptonError `model_not_found`, `missing_scope`, `model_invalid`, `digest_mismatch`, `invalid_request`,
 * `overloaded` when the team has too many versions in admission
 */
export async function createVersion(ctx: ServiceContext, modelName: string, upload: VersionUpload): Promise<Version> {
  const model = await findOwnModel(ctx, modelName);
  await checkAdmitting(ctx.gateway, model.teamId);
  const { db, blobs, now } = ctx.gateway;
  const key = newObjectKey();
  const withinMs = await noteLoose(ctx.gateway, key);
  try {
    const object = await storeStream(blobs, key, upload.body, upload.sizeBytes, withinMs);
    checkDigest(upload.digest, object);
    const findings = await staticCheck(blobs, upload.manifest, [{ path: pathOf(upload.manifest), ...object }]);
    return await insertVersion(ctx, model, findings, adopt(db, object, ctx.principal.teamId, now()));
  } catch (error) {
    // Otherwise the object may be referred to, though no answer came: it is left to the collection of garbage.
    if (error instanceof LeptonError) await blobs.delete(key);
    throw error;
  }
}

/**
 * @throws LeptonError as `createVersion`; `blob_not_found` naming the files that are not stored for the caller
 */
export async function createVersionOfFiles(
  ctx: ServiceContext,
  modelName: string,
  { files, manifest }: z.output<typeof CreateVersionInput>,
): Promise<Version> {
  const model = await findOwnModel(ctx, modelName);
  await checkAdmitting(ctx.gateway, model.teamId);
  const stored = await usableFiles(ctx, [...new Set(files.map(({ digest }) => digest))]);
  const absent = files.flatMap(({ path, digest }, i) => (stored.has(digest) ? [] : [{ i, path, digest }]));
  if (absent.length > 0) {
    const names = absent.map(({ path, digest }) => `${path} (${digest})`).join(', ');
    throw new LeptonError(
      'blob_not_found',
      `not stored here for this key: ${names}. Upload them first (/api/uploads)`,
      {
        errors: absent.map(({ i, digest }) => ({
          path: `files.${i}.digest`,
          message: `no file with digest ${digest}`,
        })),
      },
    );
  }
  const named = files.flatMap(({ path, digest }) => {
    const file = stored.get(digest);
    return file ? [{ ...file, path }] : [];
  });
  return await insertVersion(ctx, model, await staticCheck(ctx.gateway.blobs, manifest, named), []);
}

/** One body has no name of its own. */
function pathOf({ files, format }: z.output<typeof ManifestInput>): string {
  if (files?.length === 1 && files[0]) return files[0].path;
  return format === 'ort' ? 'model.ort' : 'model.onnx';
}

function checkDigest(stated: string | undefined, { digest }: StoredObject): void {
  if (stated === undefined || stated === digest) return;
  throw new LeptonError('digest_mismatch', `expected bytes with digest ${stated}, got ${digest}`);
}
