/**
 * Files in R2. An object is written once under `objects/<ulid>`; what it holds is known by its digest only after the
 * digest was computed over the bytes that were written.
 */
import { LeptonError } from '@lepton-edge/protocol';
import { ulid } from 'ulid';
import { hex } from '../digest.ts';

export interface StoredObject {
  key: string;
  digest: string;
  sizeBytes: number;
}

/** A key that no object had before. */
export function newObjectKey(): string {
  return `objects/${ulid()}`;
}

/**
 * Streams a body of known length into R2 under a new key, hashing each chunk on its way; nothing is held.
 * @throws LeptonError `invalid_request` when the body ends early or goes on too long; nothing is left behind then.
 */
export async function storeStream(
  blobs: R2Bucket,
  key: string,
  body: ReadableStream<Uint8Array>,
  sizeBytes: number,
): Promise<StoredObject> {
  const { readable, writable } = new FixedLengthStream(sizeBytes);
  const stored = blobs.put(key, readable);
  // The failure is reported by whichever side sees it first; the other one must not go unhandled.
  stored.catch(() => undefined);
  try {
    const digest = await copyHashing(body, writable);
    await stored;
    return { key, digest, sizeBytes };
  } catch (cause) {
    await blobs.delete(key);
    if (cause instanceof LeptonError) throw cause;
    throw new LeptonError('invalid_request', `the upload broke off: expected ${sizeBytes} bytes as declared`, {
      cause,
    });
  }
}

async function copyHashing(body: ReadableStream<Uint8Array>, target: WritableStream<Uint8Array>): Promise<string> {
  const hash = new crypto.DigestStream('SHA-256');
  const [toHash, toStore] = [hash.getWriter(), target.getWriter()];
  try {
    for await (const chunk of body) {
      await Promise.all([toHash.write(chunk), toStore.write(chunk)]);
    }
    await Promise.all([toHash.close(), toStore.close()]);
  } catch (error) {
    await Promise.allSettled([toHash.abort(error), toStore.abort(error), hash.digest]);
    throw error;
  }
  return `sha256:${hex(await hash.digest)}`;
}

/** The digest of a stored object, read as one stream; undefined when there is no such object. */
export async function digestOfObject(blobs: R2Bucket, key: string): Promise<string | undefined> {
  const object = await blobs.get(key);
  if (!object) return undefined;
  return await digestOfStream(object.body);
}

/** Reads a stream to its end; nothing of it is held. */
export async function digestOfStream(body: ReadableStream): Promise<string> {
  const hash = new crypto.DigestStream('SHA-256');
  await body.pipeTo(hash);
  return `sha256:${hex(await hash.digest)}`;
}

/** An object's bytes by range, for inspection. */
export function rangesOf(blobs: R2Bucket, { key, sizeBytes }: Pick<StoredObject, 'key' | 'sizeBytes'>) {
  return {
    sizeBytes,
    async read(offset: number, length: number): Promise<Uint8Array> {
      const object = await blobs.get(key, { range: { offset, length } });
      if (!object) throw new LeptonError('unavailable', 'the uploaded file cannot be read back from storage now');
      return new Uint8Array(await object.arrayBuffer());
    },
  };
}
