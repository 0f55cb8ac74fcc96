import type { Datatype, Tensor } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { barsOf, firstValues, probabilityRows } from './output-values.ts';

const tensor = (datatype: Datatype, shape: number[], data: Tensor['data']): Tensor => ({
  name: 'y',
  datatype,
  shape,
  data,
});

describe('rows of probabilities', () => {
  it('are found in outputs of one or two axes', () => {
    expect(probabilityRows(tensor('FP32', [2], new Float32Array([0.25, 0.75])))).toEqual([[0.25, 0.75]]);
    expect(probabilityRows(tensor('FP64', [2, 2], new Float64Array([0, 1, 0.5, 0.5])))).toEqual([
      [0, 1],
      [0.5, 0.5],
    ]);
    expect(probabilityRows(tensor('FP16', [2], new Uint16Array([0x3800, 0x3c00])))).toEqual([[0.5, 1]]);
  });

  it.each([
    ['one number', tensor('FP32', [1, 1], new Float32Array([0.5]))],
    ['numbers beyond 0 to 1', tensor('FP32', [2], new Float32Array([0, 2]))],
    ['not a number', tensor('FP32', [2], new Float32Array([0, Number.NaN]))],
    ['integers', tensor('INT64', [2], new BigInt64Array([0n, 1n]))],
    ['three axes', tensor('FP32', [1, 1, 2], new Float32Array([0, 1]))],
    ['nothing', tensor('FP32', [0, 2], new Float32Array())],
    ['a scalar', tensor('FP32', [], new Float32Array([1]))],
  ])('are not %s', (_, output) => expect(probabilityRows(output)).toBeUndefined());

  it('have labels where there is one for each', () => {
    expect(barsOf([0.25, 0.75], ['no', 'yes'])).toEqual([
      { label: 'no', value: 0.25 },
      { label: 'yes', value: 0.75 },
    ]);
    expect(barsOf([0.25, 0.75], ['no'])[0]?.label).toBe('0');
  });

  it('show the greatest where there are many', () => {
    const bars = barsOf(
      Array.from({ length: 50 }, (_, i) => i / 100),
      undefined,
    );
    expect(bars.length).toBe(20);
    expect(bars[0]).toEqual({ label: '49', value: 0.49 });
  });
});

it('shows first values as people read them', () => {
  expect(firstValues(tensor('FP32', [2], new Float32Array([0.1, 1e-9])))).toBe('0.1, 1e-9');
  expect(firstValues(tensor('FP16', [1], new Uint16Array([0xbc00])))).toBe('-1');
  expect(firstValues(tensor('INT64', [1], new BigInt64Array([9007199254740993n])))).toBe('9007199254740993');
  expect(firstValues(tensor('BOOL', [2], new Uint8Array([0, 1])))).toBe('false, true');
  expect(firstValues(tensor('BYTES', [1], [new TextEncoder().encode('é')]))).toBe('"é"');
  expect(firstValues(tensor('FP32', [0], new Float32Array()))).toBe('(no elements)');
  expect(firstValues(tensor('FP32', [2000], new Float32Array(2000)))).toMatch(/^0, .*, … \(2,000\)$/);
});
