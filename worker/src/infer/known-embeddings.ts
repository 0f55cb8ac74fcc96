/** Embeddings this isolate remembers, text by text: of a request only what is missing is computed. */
import type { ResponseCache } from '../cache/response-cache.ts';
import { responseKey } from '../cache/response-key.ts';
import type { KnownVersion } from '../services/directory.ts';

export type Embedding = Float32Array<ArrayBuffer>;

/** Stands for the pooled embedding among the outputs of a version: no output can be named so. */
const EMBEDDING = '\u0000embedding';

export class KnownEmbeddings {
  readonly #responses: ResponseCache;
  readonly #version: KnownVersion;
  readonly #scope: string | undefined;
  #keys: readonly string[] = [];

  /** @param scope who shares them; undefined: nothing is looked up and nothing is remembered */
  constructor(responses: ResponseCache, version: KnownVersion, scope: string | undefined) {
    this.#responses = responses;
    this.#version = version;
    this.#scope = scope;
  }

  /** The embeddings of these token ids that are known, at their places. */
  async find(items: readonly (readonly number[])[]): Promise<(Embedding | undefined)[]> {
    const scope = this.#scope;
    if (scope === undefined) return items.map(() => undefined);
    this.#keys = await Promise.all(items.map((ids) => this.#keyOf(scope, ids)));
    return this.#keys.map((key) => this.#responses.get(key)?.[0]?.data as Embedding | undefined);
  }

  /** Remembers the embedding of the item at `index` of those that were looked for. */
  put(index: number, data: Embedding): void {
    const key = this.#keys[index];
    if (key === undefined) return;
    const { ttlSeconds } = this.#version.manifest.cache;
    this.#responses.put(key, [{ name: EMBEDDING, datatype: 'FP32', shape: [data.length], data }], ttlSeconds);
  }

  async #keyOf(scope: string, ids: readonly number[]): Promise<string> {
    const data = Int32Array.from(ids);
    return await responseKey({
      scope,
      versionDigest: this.#version.digest,
      outputs: [EMBEDDING],
      inputs: [{ name: 'ids', datatype: 'INT32', shape: [ids.length], data }],
    });
  }
}
