/** Reads the one file of an edge model from R2. */
import { LeptonError } from '@lepton-edge/protocol';
import type { KnownVersion } from '../services/directory.ts';

export async function fetchModel(blobs: R2Bucket, version: KnownVersion): Promise<Uint8Array> {
  const [key] = version.objectKeys;
  const object = key ? await blobs.get(key) : null;
  if (!object) {
    throw new LeptonError(
      'unavailable',
      `the file of ${version.model}@${version.version} cannot be read from storage now`,
      {
        retryAfterSeconds: 2,
      },
    );
  }
  return new Uint8Array(await object.arrayBuffer());
}
