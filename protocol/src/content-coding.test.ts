import { describe, expect, it } from 'vitest';
import { chooseContentCoding, readContentEncoding } from './content-coding.ts';

describe('Accept-Encoding', () => {
  it.each([
    [undefined, 'identity'],
    ['', 'identity'],
    ['gzip', 'gzip'],
    ['x-gzip', 'gzip'],
    ['deflate', 'deflate'],
    ['GZIP, Deflate', 'gzip'],
    ['deflate, gzip', 'gzip'],
    ['gzip;q=0.5, deflate', 'deflate'],
    ['gzip;q=0, deflate;q=0.001', 'deflate'],
    ['gzip;q=0', 'identity'],
    ['br', 'identity'],
    ['br, zstd;q=0.9, gzip;q=0.1', 'gzip'],
    ['*', 'gzip'],
    ['*;q=0', 'identity'],
    ['gzip;q=0, *', 'deflate'],
    ['identity, gzip;q=0.5', 'identity'],
    ['identity;q=0.5, gzip;q=0.5', 'gzip'],
    ['gzip ; q=1.000', 'gzip'],
    ['gzip;q=2', 'identity'],
    ['gzip;q=abc', 'identity'],
    [',;=,', 'identity'],
  ])('%j asks for %s', (header, coding) => expect(chooseContentCoding(header)).toBe(coding));
});

describe('Content-Encoding', () => {
  it.each([
    [undefined, 'identity'],
    ['identity', 'identity'],
    ['gzip', 'gzip'],
    ['X-GZIP', 'gzip'],
    [' deflate ', 'deflate'],
  ])('%j is %s', (header, coding) => expect(readContentEncoding(header)).toBe(coding));

  it.each(['br', 'gzip, gzip', 'gzip, identity', 'zstd', 'none'])('%j is refused', (header) =>
    expect(() => readContentEncoding(header)).toThrow(
      expect.objectContaining({ code: 'encoding_not_supported', message: expect.stringContaining(`"${header}"`) }),
    ),
  );
});
