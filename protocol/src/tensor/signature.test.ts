import { describe, expect, it } from 'vitest';
import { checkInputs, checkOutputs } from './signature.ts';
import type { Tensor } from './tensor.ts';

const specs = [
  { name: 'x', datatype: 'FP32' as const, shape: [-1, 3] },
  { name: 'sr', datatype: 'INT64' as const, shape: [] },
];
const x: Tensor = { name: 'x', datatype: 'FP32', shape: [2, 3], data: new Float32Array(6) };
const sr: Tensor = { name: 'sr', datatype: 'INT64', shape: [], data: new BigInt64Array(1) };

describe('checkInputs', () => {
  it('accepts what fits, in any order', () => expect(() => checkInputs([sr, x], specs)).not.toThrow());

  it.each([
    [[{ ...x, shape: [2, 4] }, sr], 'input "x": expected FP32 [-1,3], got FP32 [2,4]'],
    [[{ ...x, shape: [6] }, sr], 'input "x": expected FP32 [-1,3], got FP32 [6]'],
    [[{ ...x, datatype: 'FP64' as const }, sr], 'input "x": expected FP32 [-1,3], got FP64 [2,3]'],
    [[x], 'missing "sr" INT64 []: expected "x" FP32 [-1,3], "sr" INT64 []'],
    [[x, sr, { ...x, name: 'y' }], 'the model has no input "y"'],
    [[x, x, sr], 'input "x" is given twice'],
  ])('says what does not fit %#', (inputs, sentence) => expect(() => checkInputs(inputs, specs)).toThrow(sentence));
});

describe('checkOutputs', () => {
  it('names an output the model does not have', () =>
    expect(() => checkOutputs(['x', 'z'], specs)).toThrow('the model has no output "z": expected some of "x" FP32'));
});
