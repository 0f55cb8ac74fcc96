/** Tables, sizes and times as people read them. */
import { expect, it } from 'vitest';
import { bytesText, fields, msText, printable, table, targetsText, timeText } from './text.ts';

it('aligns columns, joins lines, and leaves no spaces behind', () => {
  const rows = [
    ['é', 'two\nlines'],
    ['long name', ''],
  ];
  expect(table(['NAME', 'WHAT'], rows, 'none')).toBe('NAME       WHAT\né          two lines\nlong name');
  expect(table(['NAME'], [], 'no names')).toBe('no names');
  expect(
    fields([
      ['a', '1'],
      ['gone', undefined],
      ['long', '2'],
    ]),
  ).toBe('a     1\nlong  2');
});

it('shows what could steer a terminal instead of sending it', () => {
  expect(printable('a\u001b[31mb\rc\u202ed\ne')).toBe('a\\u001b[31mb\\u000dc\\u202ed\ne');
});

it('writes sizes and durations with as many digits as mean something', () => {
  expect([0, 1023, 1536, 16 * 1024 ** 2, 5 * 1024 ** 3].map(bytesText)).toEqual([
    '0 B',
    '1023 B',
    '1.5 KiB',
    '16.0 MiB',
    '5.0 GiB',
  ]);
  expect([0, 0.0421, 12.34, 456.7, 1500, 12_000].map(msText)).toEqual([
    '0 ms',
    '0.042 ms',
    '12 ms',
    '457 ms',
    '1.5 s',
    '12 s',
  ]);
  expect(timeText('2026-03-01T12:00:00.123Z')).toBe('2026-03-01 12:00:00Z');
});

it('shows weights as shares of their sum', () => {
  expect(targetsText([{ version: 3, weight: 7 }])).toBe('v3');
  expect(
    targetsText([
      { version: 3, weight: 2 },
      { version: 4, weight: 1 },
    ]),
  ).toBe('v3 66.7 %, v4 33.3 %');
  expect(targetsText([])).toBe('deleted');
});
