import { describe, expect, it } from 'vitest';
import { pageFrom, readCursor } from './page.ts';

describe('pages', () => {
  it('gives a cursor only when there is more, and reads it back', () => {
    const rows = ['a', 'b', 'ü/…'];
    const same = (text: string) => text;
    expect(pageFrom(rows, 3, same, same)).toEqual({ items: rows });
    const first = pageFrom([...rows, 'z'], 3, same, same);
    expect(first.items).toEqual(rows);
    expect(readCursor(first.nextCursor)).toBe('ü/…');
  });

  it.each(['%', 'JUU5', '!!!'])('refuses a cursor it never gave: %s', (cursor) =>
    expect(() => readCursor(cursor)).toThrow(/nextCursor/),
  );
});
