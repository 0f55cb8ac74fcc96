import type { TensorSpec } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { toTensors } from './to-tensors.ts';

const input = (name: string, datatype: 'INT64' | 'INT32'): TensorSpec => ({ name, datatype, shape: [-1, -1] });
const spec = {
  path: 't.json',
  inputs: { ids: 'i', mask: 'm', types: 't' },
  maxTokens: 8,
  tooLong: 'truncate' as const,
};

describe('toTensors', () => {
  it('pads at the end, in each datatype that the model takes', () => {
    const inputs = [input('t', 'INT32'), input('m', 'INT32'), input('i', 'INT64')];
    expect(toTensors([[5, 6, 7], [8], []], { spec, padId: 9 }, inputs)).toEqual([
      { name: 'i', datatype: 'INT64', shape: [3, 3], data: BigInt64Array.of(5n, 6n, 7n, 8n, 9n, 9n, 9n, 9n, 9n) },
      { name: 'm', datatype: 'INT32', shape: [3, 3], data: Int32Array.of(1, 1, 1, 1, 0, 0, 0, 0, 0) },
      { name: 't', datatype: 'INT32', shape: [3, 3], data: new Int32Array(9) },
    ]);
  });

  it('gives only the inputs that the manifest names', () => {
    const own = { spec: { ...spec, inputs: { ids: 'i' } }, padId: 0 };
    expect(toTensors([[1, 2]], own, [input('i', 'INT32')])).toEqual([
      { name: 'i', datatype: 'INT32', shape: [1, 2], data: Int32Array.of(1, 2) },
    ]);
  });

  it('makes items without tokens one of padding', () => {
    const [ids, mask] = toTensors(
      [[], []],
      { spec, padId: 3 },
      ['i', 'm', 't'].map((name) => input(name, 'INT64')),
    );
    expect([ids?.shape, ids?.data, mask?.data]).toEqual([[2, 1], BigInt64Array.of(3n, 3n), new BigInt64Array(2)]);
  });

  it('says which input a model does not have as integers', () => {
    expect(() => toTensors([[1]], { spec, padId: 0 }, [input('i', 'INT64')])).toThrow(
      'expected "m" as INT64 or INT32, got none',
    );
  });
});
