/**
 * Keys and models as the isolate remembers them, so that the hot path asks no database.
 *
 * Age counts from the read, wherever it was made: up to 2 s an entry is fresh; to 8 s it is served while one refresh runs; older,
 * the request waits for the refresh. That asks what the colo's isolates share, where an entry may be 5 s old, and then the
 * database. Only when the database cannot be reached an entry serves up to an hour. Absence is remembered 2 s, and not shared.
 */
import { LRUCache } from 'lru-cache';
import { within } from '../within.ts';
import { SingleFlight, type WaitUntil } from './single-flight.ts';

export interface Entry<T> {
  /** Absent: the entity does not exist. */
  value: T | undefined;
  /** When its read began, in ms since 1970. */
  readAt: number;
}

/** How old an entry may be: served as it is, served while refreshed, served while the database is away. */
export interface Ages {
  freshMs: number;
  staleMs: number;
  outageMs: number;
}

const REGISTRY_AGES: Ages = { freshMs: 2_000, staleMs: 8_000, outageMs: 3_600_000 };

/** An older entry of the colo is of use only while the database is away. */
const COLO_MS = 5_000;
/** A database that has not answered for so long cannot be reached, for whoever has something else to go on with. */
const REFRESH_LIMIT_MS = 2_000;
/** Nobody has to wait for a refresh that begins so long before its entry may not be served any more, if it takes a second longer than it must. */
const EARLY_MS = 2_000;
/** For so long after that it is not waited for again. */
const AWAY_MS = 5_000;
/** Of what this isolate changed it remembers when. */
const MAX_CHANGES = 1_000;

/** What the isolates of a colo have read. Neither rejects. */
export interface SharedEntries<T> {
  get(key: string): Promise<Entry<T> | undefined>;
  /** Keeps it for as long as it may serve. */
  put(key: string, entry: Entry<T>): Promise<void>;
}

/** What an entry takes beside its value, about. */
const ENTRY_BYTES = 256;

export interface EntityCacheOptions<T> {
  /**
   * Reads one entity; undefined when it does not exist. It throws when the database cannot be reached.
   * @param later nobody waits for it, nor will for some seconds: it may take one longer
   */
  load: (key: string, later: boolean) => Promise<T | undefined>;
  shared?: SharedEntries<T> | undefined;
  ages?: Ages;
  maxEntries?: number;
  /** Bounds what is remembered also by its size, where entities may be large. */
  bytes?: { max: number; of: (value: T) => number };
  now?: () => number;
}

export class EntityCache<T> {
  readonly #load: EntityCacheOptions<T>['load'];
  readonly #shared: SharedEntries<T> | undefined;
  readonly #now: () => number;
  readonly #ages: Ages;
  readonly #entries: LRUCache<string, Entry<T>>;
  /** What was read before does not count. */
  readonly #changedAt = new LRUCache<string, number>({ max: MAX_CHANGES });
  readonly #refreshes = new SingleFlight<Entry<T>>(REFRESH_LIMIT_MS);
  #awayUntil = Number.NEGATIVE_INFINITY;

  constructor(options: EntityCacheOptions<T>) {
    this.#load = options.load;
    this.#shared = options.shared;
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
    const now = this.#now();
    const age = now - known.readAt;
    if (age <= this.#ages.freshMs) return known.value;
    const mayServeInOutage = known.value !== undefined && age <= this.#ages.outageMs;
    if ((age <= this.#ages.staleMs && known.value !== undefined) || (mayServeInOutage && now < this.#awayUntil)) {
      if (!this.#refreshes.isUnderWay(key)) {
        waitUntil(this.#refresh(key, waitUntil, this.#isEarly(age)).catch(() => undefined));
      }
      return known.value;
    }
    const refreshed = this.#refresh(key, waitUntil);
    if (!mayServeInOutage) return (await refreshed).value;
    try {
      return (await within(refreshed, REFRESH_LIMIT_MS, tooLate)).value;
    } catch {
      this.#awayUntil = this.#now() + Math.min(AWAY_MS, this.#ages.staleMs);
      return known.value;
    }
  }

  /** The entity where it is known and fresh, without a promise. Undefined says no more than that `get` is to be asked. */
  fresh(key: string): T | undefined {
    const known = this.#entries.get(key);
    return known && this.#now() - known.readAt <= this.#ages.freshMs ? known.value : undefined;
  }

  /** What is known well enough now, without waiting; what is not fresh any more, or not known, is read meanwhile. */
  peek(key: string, waitUntil: WaitUntil): T | undefined {
    const known = this.#entries.get(key);
    const age = known ? this.#now() - known.readAt : Number.POSITIVE_INFINITY;
    const isKnown = age <= this.#ages.staleMs;
    // Where nothing is known, a read whose starter is gone must not be the last.
    const isRead = isKnown && this.#refreshes.isUnderWay(key);
    if (age > this.#ages.freshMs && !isRead) {
      waitUntil(this.#refresh(key, waitUntil, this.#isEarly(age)).catch(() => undefined));
    }
    return isKnown ? known?.value : undefined;
  }

  /** Forgets an entity that this isolate has just changed; a read that began before the change is not remembered. */
  forget(key: string): void {
    this.#changedAt.set(key, this.#now());
    this.#entries.delete(key);
    this.#refreshes.forget(key);
  }

  #isEarly(ageMs: number): boolean {
    return ageMs + EARLY_MS <= this.#ages.staleMs;
  }

  #refresh(key: string, waitUntil: WaitUntil, later = false): Promise<Entry<T>> {
    return this.#refreshes.run(
      key,
      async (isCurrent) => {
        const entry = await this.#read(key, waitUntil, later);
        if (isCurrent()) this.#entries.set(key, entry);
        return entry;
      },
      waitUntil,
    );
  }

  async #read(key: string, waitUntil: WaitUntil, later: boolean): Promise<Entry<T>> {
    const known = this.#entries.peek(key)?.readAt ?? this.#changedAt.get(key) ?? Number.NEGATIVE_INFINITY;
    const shared = await this.#shared?.get(key);
    // Age counts from before the read: what changed while it was under way is not in it.
    const readAt = this.#now();
    // A clock that is ahead of ours would make an entry younger than it is.
    const isNews = shared !== undefined && shared.readAt > known && shared.readAt <= readAt;
    if (isNews && readAt - shared.readAt <= COLO_MS) return shared;
    try {
      const entry = { value: await this.#load(key, later), readAt };
      // It answers: whatever else was slow, the database is not away.
      this.#awayUntil = Number.NEGATIVE_INFINITY;
      if (entry.value !== undefined && this.#shared) waitUntil(this.#shared.put(key, entry));
      return entry;
    } catch (error) {
      if (isNews && readAt - shared.readAt <= this.#ages.outageMs) return shared;
      throw error;
    }
  }
}

function tooLate(): never {
  throw new Error('the database does not answer');
}
