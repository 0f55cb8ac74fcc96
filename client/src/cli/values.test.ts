/** The values of a command line, right and wrong. */
import { expect, it } from 'vitest';
import { aliasRef, labels, targets, time, versionRef } from './values.ts';

it('reads references', () => {
  expect(versionRef('digits@3')).toEqual({ model: 'digits', version: 3 });
  expect(versionRef('digits@v3')).toEqual({ model: 'digits', version: 3 });
  expect(aliasRef('digits@production')).toEqual({ model: 'digits', alias: 'production' });
  for (const wrong of ['digits', 'digits@', '@3', 'digits@0', 'digits@production']) {
    expect(() => versionRef(wrong)).toThrow('expected MODEL@N');
  }
  for (const wrong of ['digits', 'digits@3', '@production']) {
    expect(() => aliasRef(wrong)).toThrow('expected MODEL@ALIAS');
  }
});

it('reads targets with and without weights', () => {
  expect(targets(['3', '4:10', 'v5:0.5'])).toEqual([
    { version: 3, weight: 1 },
    { version: 4, weight: 10 },
    { version: 5, weight: 0.5 },
  ]);
  for (const wrong of ['', '0', '3:', '3:0', '3:-1', 'x'])
    expect(() => targets([wrong])).toThrow('expected N or N:WEIGHT');
});

it('reads times: days, instants, and how long ago', () => {
  const now = Date.parse('2026-03-02T00:00:00Z');
  expect(time('at', '2026-03-01', now)).toBe('2026-03-01T00:00:00.000Z');
  expect(time('at', '2026-03-01T12:00:00+01:00', now)).toBe('2026-03-01T11:00:00.000Z');
  expect(time('at', '36h', now)).toBe('2026-02-28T12:00:00.000Z');
  for (const wrong of ['', 'yesterday', '7', '2026-13-01', '7y']) {
    expect(() => time('at', wrong, now)).toThrow('--at: expected a time');
  }
});

it('reads labels', () => {
  expect(labels(undefined)).toBeUndefined();
  expect(labels(['a=1', 'b=x=y', 'c='])).toEqual({ a: '1', b: 'x=y', c: '' });
  expect(() => labels(['=1'])).toThrow('expected NAME=VALUE');
});
