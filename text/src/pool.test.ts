import type { EmbeddingSpec, Tensor } from '@lepton-edge/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { pool } from './pool.ts';

const spec = (changes: Partial<EmbeddingSpec> = {}): EmbeddingSpec => ({
  output: 'o',
  pooling: 'mean',
  normalize: false,
  dimensions: 'fixed',
  ...changes,
});
const output = (shape: number[], values: number[]): Tensor => ({
  name: 'o',
  datatype: 'FP32',
  shape,
  data: Float32Array.from(values),
});
/** Two items of two and one tokens, in two dimensions; what is padding says so. */
const TOKENS = output([2, 2, 2], [1, 2, 3, 4, 30, 40, 999, 999]);

describe('pool', () => {
  it('takes the mean over the tokens, the first of them, or what is there', () => {
    expect(pool(TOKENS, [2, 1], spec())).toEqual([Float32Array.of(2, 3), Float32Array.of(30, 40)]);
    expect(pool(TOKENS, [2, 1], spec({ pooling: 'cls' }))).toEqual([Float32Array.of(1, 2), Float32Array.of(30, 40)]);
    expect(pool(output([2, 2], [1, 2, 3, 4]), [9, 1], spec({ pooling: 'none' }))).toEqual([
      Float32Array.of(1, 2),
      Float32Array.of(3, 4),
    ]);
  });

  it('gives length 1 where it is asked to, but to nothing', () => {
    const zeros = output([2, 1, 2], [0, 0, 3, 4]);
    expect(pool(zeros, [1, 1], spec({ normalize: true }))).toEqual([Float32Array.of(0, 0), Float32Array.of(0.6, 0.8)]);
    expect(pool(TOKENS, [0, 1], spec({ normalize: true }))[0]).toEqual(Float32Array.of(0, 0));
  });

  it('keeps the first dimensions where the model offers that, with length 1 again', () => {
    const long = output([1, 1, 4], [3, 4, 12, 84]);
    const cut = spec({ dimensions: 'truncatable', normalize: true });
    expect(pool(long, [1], cut, 2)).toEqual([Float32Array.of(0.6, 0.8)]);
    expect(pool(long, [1], { ...cut, pooling: 'cls' }, 2)).toEqual([Float32Array.of(0.6, 0.8)]);
    expect(pool(long, [1], { ...cut, normalize: false }, 1)).toEqual([Float32Array.of(3)]);
    expect(pool(long, [1], spec(), 4)).toEqual([Float32Array.of(3, 4, 12, 84)]);
    expect(() => pool(long, [1], spec(), 2)).toThrow('dimensions: this model has 4 and cannot be cut to 2');
    for (const wrong of [0, 5, 1.5]) {
      expect(() => pool(long, [1], cut, wrong)).toThrow(`dimensions: expected 1 to 4, got ${wrong}`);
    }
  });

  it('reads half-precision floats', () => {
    const half: Tensor = {
      ...TOKENS,
      datatype: 'FP16',
      data: Uint16Array.of(0x3c00, 0x4000, 0x4200, 0x4400, 0, 0, 0, 0),
    };
    expect(pool(half, [2, 1], spec())[0]).toEqual(Float32Array.of(2, 3));
    expect(pool(half, [2, 1], spec({ pooling: 'cls' }))[0]).toEqual(Float32Array.of(1, 2));
  });

  it.each([
    [TOKENS, [2, 1], spec({ pooling: 'none' }), 'output "o": expected [2,size] for pooling "none", got [2,2,2]'],
    [TOKENS, [2, 3], spec(), 'output "o": expected [2,3 or more,size] for pooling "mean", got [2,2,2]'],
    [TOKENS, [2], spec(), 'expected [1,2 or more,size]'],
    [
      { ...TOKENS, datatype: 'INT32', data: new Int32Array(8) } as Tensor,
      [2, 1],
      spec(),
      'expected FP32 or FP16, got INT32',
    ],
  ])('says what does not fit %#', (tensor, lengths, wanted, sentence) =>
    expect(() => pool(tensor, lengths, wanted)).toThrow(sentence),
  );

  it('does not care what padding holds, nor how much of it there is', () => {
    const rows = fc.array(fc.array(fc.float({ min: -10, max: 10, noNaN: true }), { minLength: 3, maxLength: 3 }), {
      minLength: 1,
      maxLength: 6,
    });
    fc.assert(
      fc.property(rows, fc.nat(4), fc.constantFrom('mean' as const, 'cls' as const), (row, padding, pooling) => {
        const padded = [...row.flat(), ...new Array(3 * padding).fill(Number.NaN)];
        const wanted = spec({ pooling, normalize: true });
        expect(pool(output([1, row.length + padding, 3], padded), [row.length], wanted)).toEqual(
          pool(output([1, row.length, 3], row.flat()), [row.length], wanted),
        );
      }),
    );
  });
});
