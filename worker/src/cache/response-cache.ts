/** Answers this isolate remembers (L1), bounded by bytes; the least recently used go first. */
import { type Tensor, tensorBytes } from '@lepton-edge/protocol';
import { LRUCache } from 'lru-cache';

const MAX_BYTES = 12 * 1024 * 1024;
/** One answer may take at most this share of the cache. */
const MAX_ENTRY_BYTES = MAX_BYTES / 4;
const ENTRY_OVERHEAD_BYTES = 512;

export class ResponseCache {
  readonly #entries: LRUCache<string, readonly Tensor[]>;

  constructor(now: () => number = Date.now) {
    this.#entries = new LRUCache<string, readonly Tensor[]>({
      maxSize: MAX_BYTES,
      maxEntrySize: MAX_ENTRY_BYTES,
      sizeCalculation: (outputs) => outputs.reduce((sum, output) => sum + tensorBytes(output), ENTRY_OVERHEAD_BYTES),
      perf: { now },
      // Its default keeps a timer between requests, which a Worker must not.
      ttlResolution: 0,
    });
  }

  get(key: string): readonly Tensor[] | undefined {
    return this.#entries.get(key);
  }

  /** Remembers outputs; the cache owns them from here, nobody may write into their data. */
  put(key: string, outputs: readonly Tensor[], ttlSeconds: number): void {
    this.#entries.set(key, outputs, { ttl: ttlSeconds * 1000 });
  }
}
