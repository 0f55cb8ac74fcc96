/** Ids are prefixed ULIDs: `mdl_01J…`. */
import { ulid } from 'ulid';

export type IdPrefix = 'mdl' | 'ver' | 'key' | 'team' | 'node' | 'tok' | 'req' | 'upl';

export function newId(prefix: IdPrefix): string {
  return `${prefix}_${ulid()}`;
}
