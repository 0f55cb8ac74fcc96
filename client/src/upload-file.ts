/** Uploads one file of any size in parallel parts, and resumes where an earlier try stopped. */
import { PART_BYTES, type StoredFile, type Upload } from '@lepton-edge/protocol';
import type { LeptonClient } from './client.ts';
import { GatewayError } from './errors.ts';
import { isPassing, sleep, withRetries } from './retry.ts';
import { Sha256 } from './sha256.ts';

const DEFAULT_PARALLEL = 4;
/** Some five minutes of a gateway that cannot be reached. */
const PART_RETRIES = 36;
const COMPLETE_ROUNDS = 5;
const LONGEST_POLL_MS = 5_000;
/** A check that takes longer may have ended with the gateway that made it. */
const CHECK_PATIENCE_MS = 120_000;

/** Something with bytes that can be read more than once and in any order. */
export interface FileSource {
  name: string;
  sizeBytes: number;
  read(offset: number, length: number): Promise<Uint8Array<ArrayBuffer>>;
  /** 64 hexadecimal digits, where the runtime has a faster way than reading it through here. */
  sha256?(onBytes: (doneBytes: number) => void, signal?: AbortSignal): Promise<string>;
}

export interface UploadProgress {
  /** `hashing` the file here, `sending` its parts, `verifying` it there, `done`. */
  phase: 'hashing' | 'sending' | 'verifying' | 'done';
  /** Of this phase. */
  doneBytes: number;
  totalBytes: number;
}

export interface UploadFileOptions {
  /** Parts in flight at a time; 4 by default. Each takes 16 MiB of memory. */
  parallel?: number | undefined;
  onProgress?: ((progress: UploadProgress) => void) | undefined;
  signal?: AbortSignal | undefined;
}

export interface UploadedFile extends StoredFile {
  /** Bytes sent by this call: 0 where the file was stored already. */
  sentBytes: number;
}

type Uploads = Pick<LeptonClient, 'uploads'>;

/**
 * Stores a file and answers its digest. Nothing has to be remembered here to resume: the gateway answers the upload that
 * is open for these bytes with the parts it has.
 * @throws GatewayError, among them `digest_mismatch` when the file changed while it was read
 */
export async function uploadFile(
  client: Uploads,
  source: FileSource,
  options: UploadFileOptions = {},
): Promise<UploadedFile> {
  const { sizeBytes } = source;
  const report = (phase: UploadProgress['phase'], doneBytes: number) =>
    options.onProgress?.({ phase, doneBytes, totalBytes: sizeBytes });
  const { signal } = options;

  report('hashing', 0);
  const digest = `sha256:${await sha256Of(source, (doneBytes) => report('hashing', doneBytes), signal)}`;
  const opened = await client.uploads.create({ sizeBytes, digest, filename: shortName(source.name) }, { signal });
  if ('exists' in opened) {
    report('done', sizeBytes);
    return { digest, sizeBytes, sentBytes: 0 };
  }
  const sender = new PartSender(client, source, opened, options);
  await sender.send(partsMissing(opened));
  report('verifying', 0);
  const stored = await complete(client, opened, sender, signal);
  report('done', sizeBytes);
  return { ...stored, sentBytes: sender.sentBytes };
}

/** A file of the browser, or any blob, as a source. */
export function sourceOf(blob: Blob, name: string): FileSource {
  return {
    name,
    sizeBytes: blob.size,
    read: async (offset, length) => new Uint8Array(await blob.slice(offset, offset + length).arrayBuffer()),
  };
}

/** Numbers of the parts that are still to be sent, in order. */
export function partsMissing(upload: Pick<Upload, 'partCount' | 'received'>): number[] {
  const received = new Set(upload.received);
  return Array.from({ length: upload.partCount }, (_, index) => index + 1).filter((part) => !received.has(part));
}

/** Sends parts, several at a time, each as often as it takes. */
class PartSender {
  sentBytes = 0;
  readonly #client: Uploads;
  readonly #source: FileSource;
  readonly #upload: Upload;
  readonly #options: UploadFileOptions;

  constructor(client: Uploads, source: FileSource, upload: Upload, options: UploadFileOptions) {
    this.#client = client;
    this.#source = source;
    this.#upload = upload;
    this.#options = options;
  }

  /** Rejects with the first failure, after stopping the other parts. */
  async send(parts: readonly number[]): Promise<void> {
    const { sizeBytes } = this.#source;
    let doneBytes = sizeBytes - parts.reduce((sum, part) => sum + this.#lengthOf(part), 0);
    const report = () => this.#options.onProgress?.({ phase: 'sending', doneBytes, totalBytes: sizeBytes });
    const stop = new AbortController();
    const signal = this.#options.signal ? AbortSignal.any([this.#options.signal, stop.signal]) : stop.signal;
    const waiting = [...parts];
    const work = async () => {
      for (let part = waiting.shift(); part !== undefined; part = waiting.shift()) {
        signal.throwIfAborted();
        await this.#sendOne(part, signal);
        doneBytes += this.#lengthOf(part);
        report();
      }
    };
    report();
    const workers = Array.from({ length: Math.min(this.#options.parallel ?? DEFAULT_PARALLEL, parts.length) }, work);
    try {
      await Promise.all(workers);
    } catch (error) {
      stop.abort();
      await Promise.allSettled(workers);
      throw error;
    }
  }

  async #sendOne(part: number, signal: AbortSignal): Promise<void> {
    const { id, partSizeBytes } = this.#upload;
    const length = this.#lengthOf(part);
    const bytes = await this.#source.read((part - 1) * partSizeBytes, length);
    if (bytes.byteLength !== length) {
      throw new Error(`${this.#source.name} changed while it was read: its part ${part} has ${bytes.byteLength} bytes`);
    }
    await withRetries(() => this.#client.uploads.putPart(id, part, bytes, { signal, retries: 0 }), {
      retries: PART_RETRIES,
      retryOn: (error) => isPassing(error) || error.status === 500,
      signal,
    });
    this.sentBytes += length;
  }

  #lengthOf(part: number): number {
    const { partSizeBytes } = this.#upload;
    return Math.min(partSizeBytes, this.#source.sizeBytes - (part - 1) * partSizeBytes);
  }
}

/** Completes, sending again what the gateway misses, and outlasting a connection that breaks during the long check. */
async function complete(
  client: Uploads,
  upload: Upload,
  sender: PartSender,
  signal: AbortSignal | undefined,
): Promise<StoredFile> {
  for (let round = 1; ; round += 1) {
    try {
      return await client.uploads.complete(upload.id, { signal, retries: 0 });
    } catch (error) {
      if (!(error instanceof GatewayError) || round === COMPLETE_ROUNDS) throw error;
      const toSend = error.code === 'upload_incomplete' ? partsNamed(error) : [];
      if (toSend.length > 0) {
        await sender.send(toSend);
        continue;
      }
      if (!isPassing(error) && error.status !== 500) throw error;
      const settled = await untilVerified(client, upload.id, signal);
      if (settled.state === 'done') return { digest: settled.digest, sizeBytes: settled.sizeBytes };
      await sender.send(partsMissing(settled));
      await sleep(500 * round, signal);
    }
  }
}

/** The parts that a 409 `upload_incomplete` names as `parts.<k>`. */
function partsNamed(error: GatewayError): number[] {
  return (error.errors ?? []).flatMap(({ path }) => {
    const part = /^parts\.(\d+)$/.exec(path)?.[1];
    return part === undefined ? [] : [Number(part)];
  });
}

/** Looks at an upload until its check is over, `done` or `open` again, or has gone on for so long that it may be over anyway. */
async function untilVerified(client: Uploads, id: string, signal: AbortSignal | undefined): Promise<Upload> {
  const until = Date.now() + CHECK_PATIENCE_MS;
  for (let pauseMs = 500; ; pauseMs = Math.min(LONGEST_POLL_MS, pauseMs * 1.5)) {
    const upload = await client.uploads.get(id, { signal, retries: PART_RETRIES });
    if (upload.state !== 'verifying' || Date.now() > until) return upload;
    await sleep(pauseMs, signal);
  }
}

async function sha256Of(
  source: FileSource,
  onBytes: (doneBytes: number) => void,
  signal: AbortSignal | undefined,
): Promise<string> {
  if (source.sha256) return source.sha256(onBytes, signal);
  const hash = new Sha256();
  for (let offset = 0; offset < source.sizeBytes; offset += PART_BYTES) {
    signal?.throwIfAborted();
    const bytes = await source.read(offset, Math.min(PART_BYTES, source.sizeBytes - offset));
    hash.update(bytes);
    onBytes(offset + bytes.byteLength);
  }
  return hash.hex();
}

/** What the gateway takes as a file's name: the end of it. */
function shortName(name: string): string {
  return name.slice(-255);
}
