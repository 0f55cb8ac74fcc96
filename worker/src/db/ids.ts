/** Ids are prefixed ULIDs: `mdl_01J…`. */
import { ulid } from 'ulid';

export type IdPrefix = 'mdl' | 'ver' | 'key' | 'team' | 'node' | 'tok' | 'req' | 'upl';

export function newId(prefix: IdPrefix): string {
  return `${prefix}_${ulid(undefined, random)}`;
}

const pool = new Uint8Array(1024);
let used = pool.length;

/** In [0, 1). The platform is asked for many at once: every request has an id, and each of its 16 random letters needs one. */
function random(): number {
  if (used === pool.length) {
    crypto.getRandomValues(pool);
    used = 0;
  }
  return (pool[used++] as number) / 256;
}
