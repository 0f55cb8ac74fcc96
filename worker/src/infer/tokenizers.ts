/** The tokenizers this isolate has loaded, bounded by the memory they take; the least recently used go first. */
import { LeptonError, type TokenizerSpec } from '@lepton-edge/protocol';
import { loadTokenizer, type TextTokenizer } from '@lepton-edge/text';
import { LRUCache } from 'lru-cache';
import { SingleFlight, type WaitUntil } from '../cache/single-flight.ts';
import type { KnownVersion } from '../services/directory.ts';

/** A longer file takes more memory than there is, and to find that out takes even more. */
const MAX_FILE_BYTES = 8 * 1024 * 1024;
/** Of all together, and so of each: beside ONNX Runtime and the cache. */
const MAX_HEAP_BYTES = 40_000_000;
const TOO_LARGE_KEPT = 1000;

const LIMITS = { maxHeapBytes: MAX_HEAP_BYTES, ownExpressions: false };

/** `tooLarge` says why it is not for an isolate. */
export type Loaded = { tokenizer: TextTokenizer } | { tooLarge: string };

export class Tokenizers {
  readonly #blobs: R2Bucket;
  readonly #loaded = new LRUCache<string, TextTokenizer>({ maxSize: MAX_HEAP_BYTES });
  /** Of versions, why their tokenizers are not for an isolate. */
  readonly #tooLarge = new LRUCache<string, string>({ max: TOO_LARGE_KEPT });
  readonly #reads = new SingleFlight<ArrayBuffer>();

  constructor(blobs: R2Bucket) {
    this.#blobs = blobs;
  }

  /** @throws LeptonError `unavailable` when its file cannot be read now */
  async get(version: KnownVersion, spec: TokenizerSpec, waitUntil: WaitUntil): Promise<Loaded> {
    const { digest } = version;
    const known = this.#loaded.get(digest);
    if (known) return { tokenizer: known };
    const tooLarge = this.#tooLarge.get(digest) ?? tooLongFile(version, spec);
    if (tooLarge !== undefined) return { tooLarge };
    try {
      return { tokenizer: await this.#load(version, spec, waitUntil) };
    } catch (error) {
      if (!(error instanceof LeptonError && error.code === 'no_placement')) throw error;
      this.#tooLarge.set(digest, error.message);
      return { tooLarge: error.message };
    }
  }

  async #load(version: KnownVersion, spec: TokenizerSpec, waitUntil: WaitUntil): Promise<TextTokenizer> {
    const file = await this.#reads.run(version.digest, () => this.#read(version, spec), waitUntil);
    // Whoever shared the read finds it loaded.
    const loaded = this.#loaded.get(version.digest) ?? loadTokenizer(new Uint8Array(file), spec, LIMITS);
    this.#loaded.set(version.digest, loaded, { size: Math.max(1, loaded.heapBytes) });
    return loaded;
  }

  async #read(version: KnownVersion, { path }: TokenizerSpec): Promise<ArrayBuffer> {
    const index = version.manifest.files.findIndex((file) => file.path === path);
    const key = version.objectKeys[index];
    const object = key ? await this.#blobs.get(key) : null;
    if (object) return await object.arrayBuffer();
    const sentence = `${path} of ${version.model}@${version.version} cannot be read from storage now`;
    throw new LeptonError('unavailable', sentence, { retryAfterSeconds: 2 });
  }
}

function tooLongFile({ manifest }: KnownVersion, { path }: TokenizerSpec): string | undefined {
  const size = manifest.files.find((file) => file.path === path)?.sizeBytes ?? 0;
  if (size <= MAX_FILE_BYTES) return undefined;
  return `${path}: it has ${size} bytes, and an isolate reads a tokenizer of at most ${MAX_FILE_BYTES}`;
}
