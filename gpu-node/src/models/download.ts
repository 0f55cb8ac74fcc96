/** Brings one file to disk by its digest: resumed where it broke off, verified as it comes, and only then given its name. */
import type { Hash } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { LeptonError } from '@lepton-edge/protocol';
import { digestOf, hashFile, newHash } from './digest.ts';
import type { BlobStream } from './version-source.ts';

const ATTEMPTS = 4;
const FIRST_PAUSE_MS = 200;
/** A source that sends nothing for so long is gone. */
const STALL_MS = 20_000;

/** The disk, the user's share of it, or what a file may grow to. */
const FULL: ReadonlySet<string> = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']);

export interface Download {
  digest: string;
  sizeBytes: number;
  /** Keeps what came so far, also over a restart. */
  partialPath: string;
  finalPath: string;
  open(offset: number, signal: AbortSignal): Promise<BlobStream>;
  /** Replaces waiting, for tests. */
  pause?: (ms: number) => Promise<unknown>;
}

/**
 * On return the file is at `finalPath` and is what its digest says.
 * @throws LeptonError `unavailable`: broken off again and again (the partial file stays), or other bytes than the
 *   digest promises (nothing stays)
 */
export async function download(what: Download): Promise<void> {
  const pause = what.pause ?? sleep;
  for (let attempt = 1; ; attempt++) {
    try {
      await attemptOnce(what);
      return;
    } catch (error) {
      if (isFull(error)) throw await withoutRoom(what, error);
      if (!(error instanceof BrokenOff)) throw error;
      if (attempt === ATTEMPTS) {
        const message = `the download of ${what.digest} broke off ${ATTEMPTS} times: try again`;
        throw new LeptonError('unavailable', message, { cause: error.cause, retryAfterSeconds: 2 });
      }
      await pause(FIRST_PAUSE_MS * 2 ** (attempt - 1));
    }
  }
}

function isFull(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'code' in error && FULL.has(String(error.code));
}

/** What has come so far must not keep the room from others. */
async function withoutRoom({ digest, sizeBytes, partialPath }: Download, cause: Error): Promise<LeptonError> {
  await rm(partialPath, { force: true });
  const message = `there is no room on this node's disk for the ${sizeBytes} bytes of ${digest}`;
  return new LeptonError('unavailable', message, { cause, retryAfterSeconds: 5 });
}

class BrokenOff extends Error {
  override readonly name = 'BrokenOff';
}

/** What has come so far. */
interface Progress {
  hash: Hash;
  size: number;
}

async function attemptOnce(what: Download): Promise<void> {
  const progress = await readPartial(what);
  if (progress.size < what.sizeBytes) await receive(what, progress);
  if (progress.size < what.sizeBytes) throw new BrokenOff(`${progress.size} of ${what.sizeBytes} bytes came`);
  const got = progress.size > what.sizeBytes ? `more than ${what.sizeBytes} bytes` : digestOf(progress.hash);
  if (got !== what.digest) {
    await rm(what.partialPath, { force: true });
    const message = `the gateway sent other bytes than it promised: expected ${what.digest}, got ${got}`;
    throw new LeptonError('unavailable', message, { retryAfterSeconds: 5 });
  }
  await rename(what.partialPath, what.finalPath);
}

async function readPartial({ partialPath, sizeBytes }: Download): Promise<Progress> {
  const progress = { hash: newHash(), size: 0 };
  progress.size = await hashFile(partialPath, progress.hash);
  if (progress.size <= sizeBytes) return progress;
  await rm(partialPath);
  return { hash: newHash(), size: 0 };
}

/** Appends to the partial file until the stream ends, or has sent more than it should. */
async function receive({ partialPath, sizeBytes, ...what }: Download, progress: Progress): Promise<void> {
  const stall = stallTimer();
  const file = await open(partialPath, progress.size === 0 ? 'w' : 'r+', 0o600);
  try {
    const stream = await what.open(progress.size, stall.signal);
    if (stream.offset !== progress.size) {
      await file.truncate(0);
      Object.assign(progress, { hash: newHash(), size: 0 });
    }
    for await (const chunk of breakingOff(stream.body)) {
      stall.restart();
      const at = progress.size;
      progress.size += chunk.byteLength;
      if (progress.size > sizeBytes) break;
      await file.write(chunk, 0, chunk.byteLength, at);
      progress.hash.update(chunk);
    }
    if (progress.size === sizeBytes) await file.sync();
  } finally {
    stall.stop();
    await file.close();
  }
}

/** The stream's own failures, told apart from those of the disk. */
async function* breakingOff(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* body;
  } catch (cause) {
    throw new BrokenOff('the connection broke', { cause });
  }
}

function stallTimer() {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new Error(`nothing came for ${STALL_MS / 1000} s`)), STALL_MS);
  return { signal: controller.signal, restart: () => timer.refresh(), stop: () => clearTimeout(timer) };
}
