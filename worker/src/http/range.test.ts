import { describe, expect, it } from 'vitest';
import { parseRange } from './range.ts';

describe('parseRange', () => {
  it.each([
    ['bytes=0-9', { offset: 0, length: 10 }],
    ['bytes=90-', { offset: 90, length: 10 }],
    ['bytes=-5', { offset: 95, length: 5 }],
    ['bytes=-500', { offset: 0, length: 100 }],
    ['bytes=50-5000', { offset: 50, length: 50 }],
  ])('%s', (header, range) => expect(parseRange(header, 100)).toEqual(range));

  it.each([undefined, 'bytes=0-1,4-5', 'lines=1-2', 'bytes=-', 'nonsense'])('answers the whole file for %s', (header) =>
    expect(parseRange(header, 100)).toBeUndefined(),
  );

  it.each(['bytes=100-', 'bytes=9-3', 'bytes=-0'])('refuses %s', (header) =>
    expect(() => parseRange(header, 100)).toThrow(/within 100 bytes/),
  );
});
