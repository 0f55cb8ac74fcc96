/** Entities that the isolates of a colo share, as JSON. */
import type { ColoCache } from './colo-cache.ts';
import type { SharedEntries } from './entity-cache.ts';

/** An entity as JSON holds it, and back. */
export interface EntityForm<T, J> {
  /** Undefined: it is not to be shared. */
  pack(value: T): J | undefined;
  unpack(json: J): T;
}

/** As long as an entry may serve while the database is away. */
const KEEP_SECONDS = 3_600;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** @param kind sets apart entities with the same key */
export function sharedEntities<T, J>(colo: ColoCache, kind: string, form: EntityForm<T, J>): SharedEntries<T> {
  return {
    async get(key) {
      const entry = await colo.get(`${kind} ${key}`);
      if (!entry) return undefined;
      try {
        return { value: form.unpack(JSON.parse(decoder.decode(entry.bytes))), readAt: entry.at };
      } catch (error) {
        colo.warnOnce(`a ${kind} in the colo’s cache cannot be read`, error);
        return undefined;
      }
    },
    async put(key, { value, readAt }) {
      if (!colo.isOn) return;
      const json = value === undefined ? undefined : form.pack(value);
      if (json === undefined) return;
      await colo.put(`${kind} ${key}`, readAt, [encoder.encode(JSON.stringify(json))], KEEP_SECONDS);
    },
  };
}
