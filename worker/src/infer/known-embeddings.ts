/** Embeddings this isolate remembers, text by text: of a request only what is missing is computed. */
import type { EmbeddingInput, Tensor } from '@lepton-edge/protocol';
import type { ResponseCache } from '../cache/response-cache.ts';
import { responseKey } from '../cache/response-key.ts';
import type { KnownVersion } from '../services/directory.ts';

/** A text, embedded in all dimensions. */
export interface EmbeddedText {
  embedding: Float32Array<ArrayBuffer>;
  /** How many it was. */
  tokens: number;
}

/** Stands for the pooled embedding among the outputs of a version: no output can be named so. */
const EMBEDDING = '\u0000embedding';
const TOKENS = '\u0000tokens';

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

  /** What is known of these token ids, or of these texts where nobody knows their ids, at their places. */
  async find(items: readonly EmbeddingInput[]): Promise<(EmbeddedText | undefined)[]> {
    const scope = this.#scope;
    if (scope === undefined) return items.map(() => undefined);
    this.#keys = await Promise.all(items.map((item) => this.#keyOf(scope, item)));
    return this.#keys.map((key) => {
      const [embedding, tokens] = this.#responses.get(key) ?? [];
      if (!embedding || !tokens) return undefined;
      return {
        embedding: embedding.data as Float32Array<ArrayBuffer>,
        tokens: (tokens.data as Int32Array)[0] as number,
      };
    });
  }

  /** Remembers the item at `index` of those that were looked for. */
  put(index: number, { embedding, tokens }: EmbeddedText): void {
    const key = this.#keys[index];
    if (key === undefined) return;
    const { ttlSeconds } = this.#version.manifest.cache;
    const outputs: Tensor[] = [
      { name: EMBEDDING, datatype: 'FP32', shape: [embedding.length], data: embedding },
      { name: TOKENS, datatype: 'INT32', shape: [1], data: Int32Array.of(tokens) },
    ];
    this.#responses.put(key, outputs, ttlSeconds);
  }

  async #keyOf(scope: string, item: EmbeddingInput): Promise<string> {
    const versionDigest = this.#version.digest;
    return await responseKey({ scope, versionDigest, outputs: [EMBEDDING], inputs: [tensorOf(item)] });
  }
}

/** As UTF-16: UTF-8 has no half of a surrogate pair, which is a text, too. */
function tensorOf(item: EmbeddingInput): Tensor {
  const shape = [item.length];
  if (typeof item !== 'string') return { name: 'ids', datatype: 'INT32', shape, data: Int32Array.from(item) };
  const data = new Uint16Array(item.length);
  for (let i = 0; i < item.length; i++) data[i] = item.charCodeAt(i);
  return { name: 'text', datatype: 'UINT16', shape, data };
}
