import { describe, expect, it } from 'vitest';
import { formatAge, formatBytes, formatMs, formatSeconds, formatShape } from './format.ts';

describe('format', () => {
  it.each([
    [0, '0 B'],
    [999, '999 B'],
    [1_300_000, '1.3 MB'],
    [407_498, '407 KB'],
    [28_000_000_000, '28.0 GB'],
  ])('%i bytes', (bytes, text) => expect(formatBytes(bytes)).toBe(text));

  it('times', () => {
    expect([0.42, 4.24, 42.4, 1340].map(formatMs)).toEqual(['0.4 ms', '4.2 ms', '42 ms', '1.3 s']);
    const at = '2026-01-01T00:00:00.000Z';
    expect(formatAge(at, Date.parse(at) + 3_400)).toBe('3 s ago');
    expect(formatAge(at, Date.parse(at) + 125_000)).toBe('2 min ago');
    expect(formatAge(at, Date.parse(at) - 50)).toBe('0 s ago');
  });

  it('spans', () => {
    expect([90, 3600, 5400, 86_400, 129_600].map(formatSeconds)).toEqual(['90 s', '1 h', '1.5 h', '1 day', '1.5 days']);
  });

  it('shapes', () => expect(formatShape([-1, 3, 48])).toBe('[n, 3, 48]'));
});
