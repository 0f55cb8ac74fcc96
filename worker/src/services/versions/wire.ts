/** A version's row as it goes over the wire. */
import type { Version } from '@lepton-edge/protocol';
import type { versions } from '../../db/schema.ts';

export function toVersion(model: string, row: typeof versions.$inferSelect): Version {
  return {
    model,
    version: row.version,
    state: row.state,
    ...(row.reason === null ? {} : { reason: row.reason }),
    digest: row.digest,
    sizeBytes: row.sizeBytes,
    manifest: row.manifest,
    ...(row.admission === null ? {} : { admission: row.admission }),
    createdAt: new Date(row.createdAt).toISOString(),
    createdBy: row.createdBy,
  };
}
