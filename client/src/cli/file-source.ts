/** A file on disk as the source of an upload. */
import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { basename } from 'node:path';
import { MAX_FILE_BYTES } from '@lepton-edge/protocol';
import type { FileSource } from '../upload-file.ts';
import { Failure } from './failure.ts';
import { bytesText } from './text.ts';

const READ_BYTES = 4 * 1024 ** 2;

export interface OpenFile extends FileSource {
  close(): Promise<void>;
}

/** @throws Failure for what is no file that can be uploaded. */
export async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, 'r').catch((cause: NodeJS.ErrnoException) => {
    const reason = cause.code === 'ENOENT' ? 'there is no such file' : cause.message;
    throw new Failure(`${path}: ${reason}`, { code: 'file_unreadable', cause });
  });
  try {
    const stats = await handle.stat();
    if (!stats.isFile()) throw new Failure(`${path} is not a file`, { code: 'file_unreadable' });
    if (stats.size === 0) throw new Failure(`${path} is empty`, { code: 'file_empty' });
    if (stats.size > MAX_FILE_BYTES) {
      const limit = bytesText(MAX_FILE_BYTES);
      throw new Failure(`${path} has ${bytesText(stats.size)}: a file may have ${limit}`, { code: 'file_too_large' });
    }
    return sourceOf(path, handle, stats.size);
  } catch (error) {
    await handle.close();
    throw error;
  }
}

function sourceOf(path: string, handle: FileHandle, sizeBytes: number): OpenFile {
  const read = async (offset: number, length: number) => {
    const bytes = new Uint8Array(length);
    let filled = 0;
    while (filled < length) {
      const { bytesRead } = await handle.read(bytes, filled, length - filled, offset + filled);
      if (bytesRead === 0) break;
      filled += bytesRead;
    }
    return bytes.subarray(0, filled);
  };
  return {
    name: basename(path),
    sizeBytes,
    read,
    close: () => handle.close(),
    sha256: async (onBytes, signal) => {
      const hash = createHash('sha256');
      for (let offset = 0; offset < sizeBytes; offset += READ_BYTES) {
        signal?.throwIfAborted();
        hash.update(await read(offset, Math.min(READ_BYTES, sizeBytes - offset)));
        onBytes(Math.min(sizeBytes, offset + READ_BYTES));
      }
      return hash.digest('hex');
    },
  };
}
