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
 * @param withinMs the object is written by then, or never: later it may be taken for one that nobody writes any more
 * @throws LeptonError `invalid_request` when the body ends early, goes on too long or takes too long; nothing is left
 * behind then.
 */
export async function storeStream(
  blobs: R2Bucket,
  key: string,
  body: ReadableStream<Uint8Array>,
  sizeBytes: number,
  withinMs: number,
): Promise<StoredObject> {
  const { readable, writable } = new FixedLengthStream(sizeBytes);
  const stored = blobs.put(key, readable);
  // The failure is reported by whichever side sees it first; the other one must not go unhandled.
  stored.catch(() => undefined);
  try {
    const digest = await copyHashing(body, writable, AbortSignal.timeout(withinMs));
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

/** @throws LeptonError `invalid_request` when `limit` aborts before the end */
async function copyHashing(
  body: ReadableStream<Uint8Array>,
  target: WritableStream<Uint8Array>,
  limit: AbortSignal,
): Promise<string> {
  const hash = new crypto.DigestStream('SHA-256');
  const [toHash, toStore] = [hash.getWriter(), target.getWriter()];
  const late = Promise.withResolvers<never>();
  late.promise.catch(() => undefined);
  limit.addEventListener('abort', () => late.reject(tooSlow()), { once: true });
  const source = body.getReader();
  try {
    for (;;) {
      const { value: chunk, done } = await Promise.race([source.read(), late.promise]);
      if (done) break;
      await Promise.race([Promise.all([toHash.write(chunk), toStore.write(chunk)]), late.promise]);
    }
    await Promise.all([toHash.close(), toStore.close()]);
  } catch (error) {
    await Promise.allSettled([source.cancel(error), toHash.abort(error), toStore.abort(error), hash.digest]);
    throw error;
  }
  return `sha256:${hex(await hash.digest)}`;
}

function tooSlow(): LeptonError {
  return new LeptonError('invalid_request', 'the upload took too long: send the file in parts (/api/uploads)');
}

/** Reads a stream to its end; nothing of it is held. */
export async function digestOfStream(body: ReadableStream): Promise<string> {
  const hash = new crypto.DigestStream('SHA-256');
  await body.pipeTo(hash);
  return `sha256:${hex(await hash.digest)}`;
}

/**
 * So much of an object is asked for at a time: a storage that does not wait for its reader, as the one of the standalone
 * gateway, holds no more than this, and keeps all others waiting no longer than this takes. A Worker may ask it a thousand
 * times a request: 8 GiB.
 */
const WINDOW_BYTES = 8 * 1024 * 1024;

/** The digest of a stored object of known size; undefined when there is no such object. */
export async function digestOfObject(blobs: R2Bucket, key: string, sizeBytes: number): Promise<string | undefined> {
  const hash = new crypto.DigestStream('SHA-256');
  hash.digest.catch(() => undefined);
  const first = await windowOf(blobs, key, 0, sizeBytes);
  if (!first) return undefined;
  try {
    await copyWindows(blobs, key, first, 0, sizeBytes, hash);
  } catch (error) {
    if (error instanceof ObjectGone) return undefined;
    throw error;
  }
  return `sha256:${hex(await hash.digest)}`;
}

/** A part of a stored object as a stream; undefined when there is no such object. */
export async function streamOfObject(
  blobs: R2Bucket,
  key: string,
  offset: number,
  length: number,
): Promise<ReadableStream<Uint8Array> | undefined> {
  const first = await windowOf(blobs, key, offset, length);
  if (!first || length <= WINDOW_BYTES) return first;
  const { readable, writable } = new FixedLengthStream(length);
  // Its failure is the reader's, who may also have gone away.
  copyWindows(blobs, key, first, offset, length, writable).catch(() => undefined);
  return readable;
}

class ObjectGone extends Error {
  override readonly name = 'ObjectGone';
}

async function copyWindows(
  blobs: R2Bucket,
  key: string,
  first: ReadableStream<Uint8Array>,
  offset: number,
  length: number,
  target: WritableStream<Uint8Array>,
): Promise<void> {
  await first.pipeTo(target, { preventClose: true });
  for (let done = WINDOW_BYTES; done < length; done += WINDOW_BYTES) {
    const next = await windowOf(blobs, key, offset + done, length - done);
    if (!next) {
      const error = new ObjectGone(`${key} was deleted while it was read`);
      await target.abort(error);
      throw error;
    }
    await next.pipeTo(target, { preventClose: true });
    // Bytes that are always there already would let nobody else in: workerd looks for calls when it has nothing to do.
    await scheduler.wait(0);
  }
  await target.close();
}

/** At most a window of what is wanted. */
async function windowOf(blobs: R2Bucket, key: string, offset: number, length: number) {
  const object = await blobs.get(key, { range: { offset, length: Math.min(WINDOW_BYTES, length) } });
  return object?.body as ReadableStream<Uint8Array> | undefined;
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
