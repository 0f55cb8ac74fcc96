/** Makes a version from one uploaded ONNX file: stored, inspected, then written to the registry in one batch. */
import { LeptonError, type ManifestInput, type Version } from '@lepton-edge/protocol';
import { eq, sql } from 'drizzle-orm';
import type { z } from 'zod';
import { rangesOf, type StoredObject, storeStream } from '../../artifacts/store.ts';
import type { ServiceContext } from '../../context.ts';
import { auditRow } from '../../db/audit.ts';
import { newId } from '../../db/ids.ts';
import { artifacts, artifactTeams, versionFiles, versions } from '../../db/schema.ts';
import { inspectOnnx } from '../../onnx/inspect.ts';
import { findOwnModel } from '../models/find.ts';
import { admissionOf } from './admission.ts';
import { manifestOf } from './manifest-of.ts';
import { versionDigest } from './version-digest.ts';
import { toVersion } from './wire.ts';

/** A single-request upload is at most this long. */
export const MAX_UPLOAD_BYTES = 64 * 1024 * 1024;
const MODEL_PATH = 'model.onnx';

export interface VersionUpload {
  body: ReadableStream<Uint8Array>;
  sizeBytes: number;
  manifest: z.output<typeof ManifestInput>;
  /** What the uploader says the bytes are; checked when given. */
  digest: string | undefined;
}

/**
 * A refused upload keeps nothing and uses no number.
 * @throws LeptonError `model_not_found`, `missing_scope`, `model_invalid`, `digest_mismatch`, `invalid_request`
 */
export async function createVersion(ctx: ServiceContext, modelName: string, upload: VersionUpload): Promise<Version> {
  const model = await findOwnModel(ctx, modelName);
  const { db, blobs, directory, now } = ctx.gateway;
  const object = await storeStream(blobs, upload.body, upload.sizeBytes);
  const { manifest, admission } = await check(blobs, object, upload);
  const id = newId('ver');
  // From here on the object may be referred to, even when no answer comes: it is left to the collection of garbage.
  await insert(ctx, model, object, {
    id,
    modelId: model.id,
    state: 'ready',
    reason: null,
    digest: await versionDigest(manifest),
    sizeBytes: object.sizeBytes,
    manifest,
    admission,
    createdAt: now(),
    createdBy: ctx.principal.keyId,
  });
  directory.forgetModel(model.name);
  const [[row], [artifact]] = await db.batch([
    db.select().from(versions).where(eq(versions.id, id)),
    db.select().from(artifacts).where(eq(artifacts.digest, object.digest)),
  ]);
  if (!row) throw new Error(`version ${id} was written and cannot be read back`);
  // The same bytes were stored before: the registry refers to that object, and this one is not needed.
  if (artifact && artifact.key !== object.key) await blobs.delete(object.key);
  return toVersion(model.name, row);
}

/** What the file is; one that is refused is deleted. */
async function check(blobs: R2Bucket, object: StoredObject, upload: VersionUpload) {
  try {
    if (upload.digest !== undefined && upload.digest !== object.digest) {
      throw new LeptonError('digest_mismatch', `expected bytes with digest ${upload.digest}, got ${object.digest}`);
    }
    const inspection = await inspectOnnx(rangesOf(blobs, object));
    if (inspection.externalData.length > 0) {
      const others = inspection.externalData.join(', ');
      throw new LeptonError(
        'model_invalid',
        `the weights are in other files (${others}), expected one file that holds everything`,
      );
    }
    const file = { path: MODEL_PATH, digest: object.digest, sizeBytes: object.sizeBytes };
    const manifest = manifestOf(upload.manifest, file, inspection);
    return { manifest, admission: admissionOf(inspection, manifest.placement.policy) };
  } catch (error) {
    await blobs.delete(object.key);
    throw error;
  }
}

interface Model {
  id: string;
  name: string;
  teamId: string;
}

/** One batch, so that a version is there whole or not at all; the number is the next one of its model. */
async function insert(
  ctx: ServiceContext,
  model: Model,
  object: StoredObject,
  row: Omit<typeof versions.$inferInsert, 'version'>,
): Promise<void> {
  const { db } = ctx.gateway;
  const { digest, key, sizeBytes } = object;
  await db.batch([
    db.insert(artifacts).values({ digest, key, sizeBytes, createdAt: row.createdAt }).onConflictDoNothing(),
    db.insert(artifactTeams).values({ digest, teamId: ctx.principal.teamId }).onConflictDoNothing(),
    db.insert(versions).values({
      ...row,
      version: sql`(SELECT COALESCE(MAX(version), 0) + 1 FROM versions WHERE model_id = ${model.id})`,
    }),
    db
      .insert(versionFiles)
      .values(row.manifest.files.map((file) => ({ versionId: row.id, path: file.path, digest: file.digest }))),
    auditRow(ctx, {
      action: 'version.create',
      subject: `model/${model.name}`,
      model: model.name,
      team: model.teamId,
      detail: sql`(SELECT json_object('version', version, 'digest', digest) FROM versions WHERE id = ${row.id})`,
    }),
  ]);
}
