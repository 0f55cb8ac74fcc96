/**
 * Keys and models as the isolate remembers them, so that the hot path asks no database.
 *
 * Age counts from the read: up to 2 s an entry is fresh; to 8 s it is served while one refresh runs; older, the request
 * waits for the refresh. Only when the database cannot be reached an entry serves up to an hour. Absence is remembered 2 s.
 */
import { LRUCache } from 'lru-cache';
import { SingleFlight, type WaitUntil } from './single-flight.ts';

interface Entry<T> {
  /** Absent: the entity does not exist. */
  value: T | undefined;
  readAt: number;
}

/** How old an entry may be: served as it is, served while refreshed, served while the database is away. */
export interface Ages {
  freshMs: number;
  staleMs: number;
  outageMs: number;
}

const REGISTRY_AGES: Ages = { freshMs: 2_000, staleMs: 8_000, outageMs: 3_600_000 };

/** What an entry takes beside its value, about. */
const ENTRY_BYTES = 256;

export interface EntityCacheOptions<T> {
  /** Reads one entity; undefined when it does not exist. It throws when the database cannot be reached. */
  load: (key: string) => Promise<T | undefined>;
  ages?: Ages;
  maxEntries?: number;
  /** Bounds what is remembered also by its size, where entities may be large. */
  bytes?: { max: number; of: (value: T) => number };
  now?: () => number;
}

export class EntityCache<T> {
  readonly #load: (key: string) => Promise<T | undefined>;
  readonly #now: () => number;
  readonly #ages: Ages;
  readonly #entries: LRUCache<string, Entry<T>>;
  readonly #refreshes = new SingleFlight<Entry<T>>();

  constructor(options: EntityCacheOptions<T>) {
    this.#load = options.load;
    this.#now = options.now ?? Date.now;
    this.#ages = options.ages ?? REGISTRY_AGES;
    const { bytes, maxEntries: max = 10_000 } = options;
    const sizeOf = ({ value }: Entry<T>) => ENTRY_BYTES + (value === undefined ? 0 : (bytes?.of(value) ?? 0));
    this.#entries = new LRUCache(bytes ? { max, maxSize: bytes.max, sizeCalculation: sizeOf } : { max });
  }

  /** The entity, or undefined when it does not exist. Rejects when it is not known well enough and cannot be read. */
  async get(key: string, waitUntil: WaitUntil): Promise<T | undefined> {
    const known = this.#entries.get(key);
    if (!known) return (await this.#refresh(key, waitUntil)).value;
    const age = this.#now() - known.readAt;
    if (age <= this.#ages.freshMs) return known.value;
    if (age <= this.#ages.staleMs && known.value !== undefined) {
      waitUntil(this.#refresh(key, waitUntil).catch(() => undefined));
      return known.value;
    }
    try {
      return (await this.#refresh(key, waitUntil)).value;
    } catch (error) {
      if (known.value !== undefined && age <= this.#ages.outageMs) return known.value;
      throw error;
    }
  }

  /** The entity where it is known and fresh, without a promise. Undefined says no more than that `get` is to be asked. */
  peek(key: string): T | undefined {
    const known = this.#entries.get(key);
    return known && this.#now() - known.readAt <= this.#ages.freshMs ? known.value : undefined;
  }

  /** Forgets an entity that this isolate has just changed; a read that began before the change is not remembered. */
  forget(key: string): void {
    this.#entries.delete(key);
    this.#refreshes.forget(key);
  }

  #refresh(key: string, waitUntil: WaitUntil): Promise<Entry<T>> {
    return this.#refreshes.run(
      key,
      async (isCurrent) => {
        // Age counts from before the read: what changed while it was under way is not in it.
        const readAt = this.#now();
        const entry = { value: await this.#load(key), readAt };
        if (isCurrent()) this.#entries.set(key, entry);
        return entry;
      },
      waitUntil,
    );
  }
}
