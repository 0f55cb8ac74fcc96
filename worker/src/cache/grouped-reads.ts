/**
 * Reads that nobody waits for go to the database together: as many as are asked for in a few hundredths of a second.
 *
 * A group is read within the request that began it. That one may be gone before: whoever joined reads alone when it has waited for long.
 */
import { within } from '../within.ts';

/** So many keys in a thousand that are used in turn are asked for again in that time. */
const COLLECT_MS = 50;
/** D1 takes a hundred parameters a statement. */
const MAX_KEYS = 50;
/** For collecting and reading. */
const GROUP_LIMIT_MS = 1_000;

/** @returns what exists of these, by key; plain data */
type ReadMany<T> = (keys: readonly string[]) => Promise<ReadonlyMap<string, T>>;

interface Group<T> {
  keys: string[];
  /** By `Date.now()`. */
  since: number;
  values: Promise<ReadonlyMap<string, T>>;
}

export class GroupedReads<T> {
  readonly #readMany: ReadMany<T>;
  #open: Group<T> | undefined;

  constructor(readMany: ReadMany<T>) {
    this.#readMany = readMany;
  }

  /** @param later nobody waits for it: it is read with others. The promise has to be in the `waitUntil` of its request */
  async read(key: string, later: boolean): Promise<T | undefined> {
    if (later) {
      const group = this.#joinable() ?? this.#begin();
      group.keys.push(key);
      const values = await within(group.values, GROUP_LIMIT_MS, () => undefined);
      if (values) return values.get(key);
    }
    return (await this.#readMany([key])).get(key);
  }

  #joinable(): Group<T> | undefined {
    const group = this.#open;
    // One that is open for longer went away with the request that began it.
    const isLost = group !== undefined && Date.now() - group.since > 2 * COLLECT_MS;
    return isLost || (group && group.keys.length >= MAX_KEYS) ? undefined : group;
  }

  #begin(): Group<T> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const keys: string[] = [];
    const values = promise.then(() => {
      if (this.#open === group) this.#open = undefined;
      return this.#readMany(keys);
    });
    const group: Group<T> = { keys, since: Date.now(), values };
    this.#open = group;
    setTimeout(resolve, COLLECT_MS);
    return group;
  }
}
