/** SHA-256 of files, in the form digests have on the wire. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** Feeds a whole file to `hash`; nothing is fed when there is no such file. @returns how many bytes it was */
export async function hashFile(path: string, hash: Hash): Promise<number> {
  let size = 0;
  try {
    for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
      hash.update(chunk);
      size += chunk.byteLength;
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return size;
}

export function newHash(): Hash {
  return createHash('sha256');
}

/** Ends the hash: `sha256:<64 hex>`. */
export function digestOf(hash: Hash): string {
  return `sha256:${hash.digest('hex')}`;
}
