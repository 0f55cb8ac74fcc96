import { describe, expect, it } from 'vitest';
import { fill, firstShape, parseShape } from './sample-input.ts';

describe('sample inputs', () => {
  it('begin with one along dynamic axes', () => {
    expect(firstShape({ name: 'x', datatype: 'FP32', shape: [-1, 3] })).toEqual([1, 3]);
  });

  it('are filled by datatype', () => {
    expect(fill('FP32', [3], 'ramp', 0)).toEqual([0, 0.5, 1]);
    expect(fill('FP32', [2], 'zeros', 0)).toEqual([0, 0]);
    expect(fill('INT64', [3], 'ramp', 0)).toEqual([0, 50, 99]);
    expect(fill('BOOL', [2], 'ramp', 0)).toEqual([false, true]);
    expect(fill('BYTES', [], 'ramp', 0)).toEqual(['text']);
    expect(fill('FP32', [0, 3], 'ramp', 0)).toEqual([]);
  });

  it('are random, and the same for the same seed', () => {
    const values = fill('FP64', [1000], 'random', 1) as number[];
    expect(values).toEqual(fill('FP64', [1000], 'random', 1));
    expect(values).not.toEqual(fill('FP64', [1000], 'random', 2));
    expect(values.reduce((sum, value) => sum + value, 0) / values.length).toBeCloseTo(0.5, 1);
    expect(values.every((value) => value >= 0 && value <= 1)).toBe(true);
  });

  it('stay within what a request can carry', () => {
    expect(() => fill('FP32', [1e9], 'zeros', 0)).toThrow(/more than the 4,000,000 the playground sends/);
  });

  it('read shapes as people write them', () => {
    expect(parseShape('1, 3 48')).toEqual([1, 3, 48]);
    expect(parseShape('')).toEqual([]);
    expect(parseShape('a')).toBeUndefined();
    expect(parseShape('-1')).toBeUndefined();
  });
});
