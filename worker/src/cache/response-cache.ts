/** Answers this isolate remembers (L1), bounded by bytes; the least recently used go first. How old is too old, whoever asks says. */
import { type Tensor, tensorBytes } from '@lepton-edge/protocol';
import { LRUCache } from 'lru-cache';

const MAX_BYTES = 12 * 1024 * 1024;
/** One answer may take at most this share of the cache. */
const MAX_ENTRY_BYTES = MAX_BYTES / 4;
const ENTRY_OVERHEAD_BYTES = 512;
/** What a string of a BYTES tensor takes beside its own bytes. */
const ELEMENT_OVERHEAD_BYTES = 200;

/** Nobody may write into the data of its outputs. */
export interface KnownAnswer {
  outputs: readonly Tensor[];
  /** When it was computed, in ms since 1970. */
  storedAt: number;
}

export class ResponseCache {
  readonly #entries = new LRUCache<string, KnownAnswer>({ maxSize: MAX_BYTES, sizeCalculation: bytesOf });

  get(key: string): KnownAnswer | undefined {
    return this.#entries.get(key);
  }

  /** Remembers an answer, unless a later one is known; the cache owns it from here. */
  put(key: string, answer: KnownAnswer): void {
    const known = this.#entries.peek(key);
    if (known && known.storedAt > answer.storedAt) return;
    if (isCacheSized(answer)) this.#entries.set(key, answer);
    else this.#entries.delete(key);
  }
}

/** Whether an answer is small enough to be remembered anywhere: a larger one would push out most others. */
export function isCacheSized(answer: KnownAnswer): boolean {
  return bytesOf(answer) <= MAX_ENTRY_BYTES;
}

/** What an answer takes of memory, about. */
export function bytesOf({ outputs }: KnownAnswer): number {
  return outputs.reduce((sum, output) => sum + tensorBytes(output) + overheadOf(output), ENTRY_OVERHEAD_BYTES);
}

function overheadOf({ data }: Tensor): number {
  return Array.isArray(data) ? data.length * ELEMENT_OVERHEAD_BYTES : 0;
}
