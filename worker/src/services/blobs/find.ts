/** Finds a stored file that the caller may read: a digest alone is no capability. */
import { LeptonError } from '@lepton-edge/protocol';
import { and, eq, exists, type SQL, sql } from 'drizzle-orm';
import type { Grant, ServiceContext } from '../../context.ts';
import type { Database } from '../../db/database.ts';
import { artifacts, models, versionFiles, versions } from '../../db/schema.ts';
import { usableBy } from './usable.ts';

export interface Blob {
  key: string;
  digest: string;
  sizeBytes: number;
}

/**
 * A file that the caller's team uploaded or that a version the caller may read has. A node reads only files of the
 * version its grant names.
 * @throws LeptonError `blob_not_found`, the same for absent and forbidden
 */
export async function findBlob(
  { gateway, principal }: ServiceContext,
  digest: string,
  grant: Grant | undefined,
): Promise<Blob> {
  const { db } = gateway;
  const allowed = grant ? grantedBy(db, grant) : usableBy(db, principal);
  const [blob] = await db
    .select({ key: artifacts.key, digest: artifacts.digest, sizeBytes: artifacts.sizeBytes })
    .from(artifacts)
    .where(and(eq(artifacts.digest, digest), allowed));
  if (blob) return blob;
  throw new LeptonError('blob_not_found', `no file with digest ${digest} is stored here for this key`);
}

/** The files of the one version that a node was sent. */
function grantedBy(db: Database, { model, version, digest }: Grant): SQL {
  const uses = db
    .select({ one: sql`1` })
    .from(versionFiles)
    .innerJoin(versions, eq(versions.id, versionFiles.versionId))
    .innerJoin(models, eq(models.id, versions.modelId))
    .where(
      and(
        eq(versionFiles.digest, artifacts.digest),
        eq(models.name, model),
        eq(versions.version, version),
        eq(versions.digest, digest),
      ),
    );
  return exists(uses);
}
