/** Pages of lists: a cursor is the sort key of the last item, so that order is stable while rows come and go. */
import { LeptonError, type Page } from '@lepton-edge/protocol';

/** @throws LeptonError `invalid_request` for a cursor this gateway did not give. */
export function readCursor(cursor: string | undefined): string | undefined {
  if (cursor === undefined) return undefined;
  try {
    return decodeURIComponent(atob(cursor.replaceAll('-', '+').replaceAll('_', '/')));
  } catch (cause) {
    throw new LeptonError('invalid_request', 'cursor: expected the nextCursor of an earlier answer', { cause });
  }
}

/** As `readCursor`, of a list that is sorted by a number. */
export function readNumberCursor(cursor: string | undefined): number | undefined {
  const text = readCursor(cursor);
  if (text === undefined) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new LeptonError('invalid_request', 'cursor: expected the nextCursor of an earlier answer');
}

/** A page of `rows`, of which one more than `limit` was asked for. */
export function pageFrom<Row, Item>(
  rows: readonly Row[],
  limit: number,
  sortKey: (row: Row) => string,
  toItem: (row: Row) => Item,
): Page<Item> {
  const items = rows.slice(0, limit).map(toItem);
  const last = rows[limit - 1];
  if (rows.length <= limit || last === undefined) return { items };
  const cursor = btoa(encodeURIComponent(sortKey(last)))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '');
  return { items, nextCursor: cursor };
}
