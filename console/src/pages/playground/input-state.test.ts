import { describe, expect, it } from 'vitest';
import {
  dataProblem,
  firstState,
  generatedCount,
  type InputState,
  refilled,
  shapeProblem,
  tensorOf,
} from './input-state.ts';

const spec = { name: 'x', datatype: 'FP32' as const, shape: [-1, 3] };
const own = (shape: string, data: string): InputState => ({ shape, data, filling: 'own', seed: 1 });

describe('an input of the playground', () => {
  it('can be sent as it begins', () => {
    expect(tensorOf(spec, firstState(spec))).toEqual({
      name: 'x',
      datatype: 'FP32',
      shape: [1, 3],
      data: new Float32Array([0, 0.5, 1]),
    });
  });

  it('is filled anew for a new shape, unless its data was typed', () => {
    expect(refilled(spec, { ...firstState(spec), shape: '2, 3' }).data).toBe('[0,0.2,0.4,0.6,0.8,1]');
    expect(refilled(spec, own('2, 3', '[1,2,3]')).data).toBe('[1,2,3]');
  });

  it('is made when it is sent, where it is too long to edit', () => {
    const state = refilled(spec, { ...firstState(spec), shape: '1000, 3', filling: 'random' });
    expect(state.data).toBe('');
    expect(generatedCount(state)).toBe(3000);
    expect(dataProblem(spec, state)).toBeUndefined();
    expect(tensorOf(spec, state)).toEqual(tensorOf(spec, state));
    expect(generatedCount({ ...state, filling: 'own' })).toBeUndefined();
  });

  it('takes a bare scalar, and integers beyond 2^53 exactly', () => {
    const scalar = { name: 'sr', datatype: 'INT64' as const, shape: [] };
    expect(tensorOf(scalar, own('', '16000')).data).toEqual(new BigInt64Array([16000n]));
    expect(tensorOf(scalar, own('', '[9007199254740993]')).data).toEqual(new BigInt64Array([9007199254740993n]));
  });

  it('says what does not fit', () => {
    expect(dataProblem(spec, own('1, 3', '[1]'))).toContain('needs 3 elements, got 1');
    expect(dataProblem(spec, own('1, 3', '[1,'))).toContain('expected JSON');
    expect(dataProblem(spec, own('1, 3', '[1, 2, 3]'))).toBeUndefined();
    expect(shapeProblem(spec, own('1, 4', ''))).toContain('expected FP32 [-1,3], got FP32 [1,4]');
    expect(shapeProblem(spec, own('x', ''))).toContain('expected sizes');
    expect(shapeProblem(spec, own('7, 3', ''))).toBeUndefined();
    expect(() => tensorOf(spec, own('x', '[]'))).toThrow('expected a shape');
  });
});
