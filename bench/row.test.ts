import { describe, expect, it } from 'vitest';
import { inRounds, less, type Measured, over, rowOf } from './row.ts';

function measured(changed: Partial<Measured>): Measured {
  return { id: 'a', what: 'a row', target: { atLeast: 0.75 }, ratios: [0.8], samples: {}, ...changed };
}

describe('rowOf', () => {
  it('answers the median of the rounds, and their spread', () => {
    expect(rowOf(measured({ ratios: [0.9, 0.5, 0.7] }))).toMatchObject({ ratio: 0.7, spread: [0.5, 0.9], met: false });
    expect(rowOf(measured({ ratios: [4, 1, 3, 2] })).ratio).toBe(2.5);
  });

  it.each([
    [{ atLeast: 0.75 }, 0.75, '≥ 0.75 ms', true],
    [{ atLeast: 0.75 }, 0.749, '≥ 0.75 ms', false],
    [{ atMost: 1 }, 1, '≤ 1 ms', true],
    [{ atMost: 1 }, 1.001, '≤ 1 ms', false],
    [undefined, 1, '', null],
  ])('holds %o against %d', (target, ratio, words, met) => {
    expect(rowOf(measured({ target, ratios: [ratio], unit: 'ms' }))).toMatchObject({ target: words, met });
  });

  it.each([[[]], [[1, Number.NaN]], [[Number.POSITIVE_INFINITY]]])('refuses a hole: %o', (ratios) => {
    expect(() => rowOf(measured({ ratios }))).toThrow('a: expected a number of each round');
  });
});

it('ratios and differences are of the same round', () => {
  expect(over([2, 9], [1, 3])).toEqual([2, 3]);
  expect(less([2, 9], [1, 3])).toEqual([1, 6]);
  expect(over([1, 2], [1])[1]).toBeNaN();
});

it('sides take turns, backwards every other round, and the first round is not kept', async () => {
  const order: string[] = [];
  const side = (name: string) => async () => order.push(name);
  const kept = await inRounds(2, { a: side('a'), b: side('b') });
  expect(order.join('')).toBe('abbaab');
  expect(kept).toEqual({ a: [4, 5], b: [3, 6] });
});
