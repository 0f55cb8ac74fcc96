import { describe, expect, it } from 'vitest';
import { fill, firstShape, parseShape, tensorFrom } from './sample-input.ts';

const spec = { name: 'x', datatype: 'FP32' as const, shape: [-1, 3] };

describe('sample inputs', () => {
  it('begin with one along dynamic axes', () => expect(firstShape(spec)).toEqual([1, 3]));

  it('are filled by datatype', () => {
    const half = () => 0.5;
    expect(fill('FP32', [3], 'ramp', half)).toEqual([0, 0.5, 1]);
    expect(fill('FP32', [2], 'zeros', half)).toEqual([0, 0]);
    expect(fill('INT64', [2], 'random', half)).toEqual([50, 50]);
    expect(fill('BOOL', [2], 'ramp', half)).toEqual([false, true]);
    expect(fill('BYTES', [], 'ramp', half)).toEqual(['text']);
    expect(() => fill('FP32', [1e9], 'zeros', half)).toThrow(/more than the playground sends/);
  });

  it('become tensors, or a sentence', () => {
    expect(tensorFrom(spec, [1, 3], '[[1, 2, 3]]').data).toEqual(new Float32Array([1, 2, 3]));
    expect(tensorFrom({ ...spec, shape: [] }, [], '5').data).toEqual(new Float32Array([5]));
    expect(() => tensorFrom(spec, [1, 3], '[1]')).toThrow('needs 3 elements, got 1');
    expect(() => tensorFrom(spec, [1, 3], '[1,')).toThrow('expected JSON');
  });

  it('read shapes as people write them', () => {
    expect(parseShape('1, 3 48')).toEqual([1, 3, 48]);
    expect(parseShape('')).toEqual([]);
    expect(parseShape('a')).toBeUndefined();
    expect(parseShape('-1')).toBeUndefined();
  });
});
