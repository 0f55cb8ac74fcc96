/** Embeddings that are remembered, text by text: of a request only what is missing is computed. */
import type { EmbeddingInput } from '@lepton-edge/protocol';
import { type CacheDirectives, keptSeconds, mayStandIn, useOf } from '../cache/freshness.ts';
import type { KnownAnswer } from '../cache/response-cache.ts';
import { responseKey } from '../cache/response-key.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import type { KnownVersion } from '../services/directory.ts';
import { isWorthSharing } from './cacheable.ts';
import type { Timings } from './timings.ts';

/** A text, embedded in all dimensions. */
export interface EmbeddedText {
  embedding: Float32Array<ArrayBuffer>;
  /** How many it was. */
  tokens: number;
}

export interface FoundText {
  text: EmbeddedText;
  ageMs: number;
  /** Undefined: it may only stand in where the text cannot be embedded now. */
  use: 'hit' | 'stale' | undefined;
  mayStandIn: boolean;
}

/** Stands for the pooled embedding among the outputs of a version: no output can be named so. */
const EMBEDDING = '\u0000embedding';
const TOKENS = '\u0000tokens';
/** So many of a request's texts are asked for in the colo, and stored there: the Cache API takes them one by one. */
const MAX_SHARED = 16;

export class KnownEmbeddings {
  readonly #gateway: Gateway;
  readonly #version: KnownVersion;
  readonly #keys: readonly string[];
  readonly #firsts = new Map<string, number>();

  private constructor(gateway: Gateway, version: KnownVersion, keys: readonly string[]) {
    this.#gateway = gateway;
    this.#version = version;
    this.#keys = keys;
    for (const [i, key] of keys.entries()) if (!this.#firsts.has(key)) this.#firsts.set(key, i);
  }

  /**
   * Those of token ids, or of texts where nobody knows their ids.
   * @param scope who shares them; undefined: nothing is looked up and nothing is remembered
   */
  static async of(
    gateway: Gateway,
    version: KnownVersion,
    scope: string | undefined,
    items: readonly EmbeddingInput[],
  ): Promise<KnownEmbeddings> {
    const keyOf = (scope: string, item: EmbeddingInput) =>
      responseKey({ scope, versionDigest: version.digest, outputs: [EMBEDDING], inputs: [tensorOf(item)] });
    const keys = scope === undefined ? [] : await Promise.all(items.map((item) => keyOf(scope, item)));
    return new KnownEmbeddings(gateway, version, keys);
  }

  /** What is known, at its place; of what is not fresh in this isolate the first few are asked for in the colo. */
  async find(directives: CacheDirectives, timings: Timings, waitUntil: WaitUntil): Promise<(FoundText | undefined)[]> {
    const { responses, sharedResponses, colo } = this.#gateway;
    const now = this.#gateway.now();
    const found = this.#keys.map((key) => this.#read(responses.get(key), now, directives));
    if (directives.noCache || !colo.isOn || !isWorthSharing(this.#version)) return found;
    const lacking = new Set(this.#keys.filter((_key, i) => !found[i]?.use));
    if (lacking.size === 0) return found;
    const asked = [...lacking].slice(0, MAX_SHARED);
    // What is found there is remembered here.
    await timings.measure('colo', () => Promise.all(asked.map((key) => sharedResponses.find(key, waitUntil))));
    return this.#keys.map((key, i) => (found[i]?.use ? found[i] : this.#read(responses.get(key), now, directives)));
  }

  /** Names the work of embedding the texts at these places, which whoever needs the same shares; undefined where nobody does. */
  nameOf(places: readonly number[]): string | undefined {
    return this.#keys.length === 0 ? undefined : places.map((i) => this.#keys[i]).join();
  }

  /** The place where the text at this one comes first. */
  firstOf(place: number): number {
    const key = this.#keys[place];
    return key === undefined ? place : (this.#firsts.get(key) as number);
  }

  /** Remembers the texts at these places. */
  put(places: readonly number[], texts: readonly EmbeddedText[], waitUntil: WaitUntil): void {
    if (this.#keys.length === 0) return;
    const { responses, sharedResponses } = this.#gateway;
    const storedAt = this.#gateway.now();
    const isShared = isWorthSharing(this.#version);
    for (const [k, i] of places.entries()) {
      const key = this.#keys[i] as string;
      const answer = answerOf(texts[k] as EmbeddedText, storedAt);
      responses.put(key, answer);
      if (isShared && k < MAX_SHARED) {
        sharedResponses.put(key, answer, keptSeconds(this.#version.manifest.cache), waitUntil);
      }
    }
  }

  #read(answer: KnownAnswer | undefined, now: number, directives: CacheDirectives): FoundText | undefined {
    const [embedding, tokens] = answer?.outputs ?? [];
    if (!answer || !embedding || !tokens) return undefined;
    const ageMs = now - answer.storedAt;
    const policy = this.#version.manifest.cache;
    return {
      text: {
        embedding: embedding.data as Float32Array<ArrayBuffer>,
        tokens: (tokens.data as Int32Array)[0] as number,
      },
      ageMs,
      use: useOf(ageMs, policy, directives),
      mayStandIn: mayStandIn(ageMs, policy, directives),
    };
  }
}

function answerOf({ embedding, tokens }: EmbeddedText, storedAt: number): KnownAnswer {
  const outputs = [
    { name: EMBEDDING, datatype: 'FP32' as const, shape: [embedding.length], data: embedding },
    { name: TOKENS, datatype: 'INT32' as const, shape: [1], data: Int32Array.of(tokens) },
  ];
  return { outputs, storedAt };
}

/** As UTF-16: UTF-8 has no half of a surrogate pair, which is a text, too. */
function tensorOf(item: EmbeddingInput) {
  const shape = [item.length];
  if (typeof item !== 'string') {
    return { name: 'ids', datatype: 'INT32' as const, shape, data: Int32Array.from(item) };
  }
  const data = new Uint16Array(item.length);
  for (let i = 0; i < item.length; i++) data[i] = item.charCodeAt(i);
  return { name: 'text', datatype: 'UINT16' as const, shape, data };
}
