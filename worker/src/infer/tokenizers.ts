/** The tokenizers this isolate has loaded, bounded by the size of their files; the least recently used go first. */
import { LeptonError, type TokenizerSpec } from '@lepton-edge/protocol';
import { loadTokenizer, type TextTokenizer } from '@lepton-edge/text';
import { LRUCache } from 'lru-cache';
import { SingleFlight, type WaitUntil } from '../cache/single-flight.ts';
import type { KnownVersion } from '../services/directory.ts';

/** One file may be as long as all of them together: whatever version creation has accepted is served. */
const MAX_BYTES = 32 * 1024 * 1024;

export class Tokenizers {
  readonly #blobs: R2Bucket;
  readonly #loaded = new LRUCache<string, TextTokenizer>({ maxSize: MAX_BYTES });
  readonly #reads = new SingleFlight<ArrayBuffer>();

  constructor(blobs: R2Bucket) {
    this.#blobs = blobs;
  }

  /** @throws LeptonError `unavailable` when its file cannot be read now */
  async get(version: KnownVersion, spec: TokenizerSpec, waitUntil: WaitUntil): Promise<TextTokenizer> {
    const known = this.#loaded.get(version.digest);
    if (known) return known;
    const file = await this.#reads.run(version.digest, () => this.#read(version, spec), waitUntil);
    // Whoever shared the read finds it loaded.
    const loaded = this.#loaded.get(version.digest) ?? loadTokenizer(new Uint8Array(file), spec);
    this.#loaded.set(version.digest, loaded, { size: Math.max(1, file.byteLength) });
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
