import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ARRAY_TYPE, DATATYPES, type Datatype, type FixedDatatype } from '../tensor/datatype.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { Batch } from './batch.ts';
import { type Member, memberOf } from './batch-member.ts';
import { type BatchPlan, batchPlan } from './batch-plan.ts';

/** Elements that tell where they come from. */
function tensor(name: string, datatype: Datatype, shape: number[], seed = 0): Tensor {
  const length = shape.reduce((product, size) => product * size, 1);
  const at = (i: number) => (seed * 31 + i) % 100;
  if (datatype === 'BYTES') {
    return { name, datatype, shape, data: Array.from({ length }, (_, i) => new TextEncoder().encode(`e${at(i)}`)) };
  }
  const data = new ARRAY_TYPE[datatype as FixedDatatype](length);
  const isBig = data instanceof BigInt64Array || data instanceof BigUint64Array;
  for (let i = 0; i < length; i++) data[i] = (isBig ? BigInt(at(i)) : at(i)) as never;
  return { name, datatype, shape, data };
}

const member = (plan: BatchPlan, inputs: Tensor[], outputs: string[]) => memberOf(plan, inputs, outputs) as Member;
const f32 = (name: string, shape: number[], seed = 0) => tensor(name, 'FP32', shape, seed);
const spec = (name: string, shape: number[]) => ({ name, datatype: 'FP32' as const, shape });

function batchOf(plan: BatchPlan, [first, ...others]: Member[]): { batch: Batch; joined: boolean[] } {
  const batch = new Batch(plan, first as Member);
  return { batch, joined: others.map((each) => batch.add(each)) };
}

describe('a batch', () => {
  it('gives back what it was made of, whatever the datatype, the axis and the items', () => {
    const axes = fc.integer({ min: 0, max: 2 });
    const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 5 });
    const others = fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 1, max: 3 }));
    fc.assert(
      fc.property(fc.constantFrom(...DATATYPES), axes, others, sizes, (datatype, axis, [a, b], items) => {
        const shape = (n: number) => [a, b].toSpliced(axis, 0, n);
        const plan = batchPlan({
          inputs: [{ name: 'x', datatype, shape: shape(-1) }],
          outputs: [{ name: 'y', datatype, shape: shape(-1) }],
          stateful: false,
          batching: { maxBatchSize: 64, maxDelayMs: 0, axes: { x: axis, y: axis } },
        }) as BatchPlan;
        const inputs = items.map((n, i) => tensor('x', datatype, shape(n), i));
        const { batch, joined } = batchOf(
          plan,
          inputs.map((x) => member(plan, [x], ['y'])),
        );
        expect(joined.every(Boolean)).toBe(true);
        const [x] = batch.inputs();
        expect(x?.shape).toEqual(shape(items.reduce((sum, n) => sum + n)));
        const parts = batch.split([{ ...(x as Tensor), name: 'y' }]);
        expect(parts).toEqual(inputs.map((input) => [{ ...input, name: 'y' }]));
      }),
    );
  });

  const silero = batchPlan({
    inputs: [spec('input', [-1, 3]), spec('state', [2, -1, 2]), { name: 'sr', datatype: 'INT64', shape: [] }],
    outputs: [spec('output', [-1, 1]), spec('stateN', [2, -1, 2])],
    stateful: false,
    batching: { maxBatchSize: 8, maxDelayMs: 0, axes: { input: 0, state: 1, output: 0, stateN: 1 } },
  }) as BatchPlan;
  const frame = (items: number, sr: bigint, outputs = ['output', 'stateN']) =>
    member(
      silero,
      [
        { name: 'sr', datatype: 'INT64', shape: [], data: BigInt64Array.of(sr) },
        f32('state', [2, items, 2], items),
        f32('input', [items, 3], items),
      ],
      outputs,
    );

  it('has inputs without items only where they are the same to the bit, and keeps its own copy of them', () => {
    const members = [frame(1, 16_000n), frame(2, 16_000n), frame(1, 8_000n)];
    const { batch, joined } = batchOf(silero, members);
    expect(joined).toEqual([true, false]);
    const [input, state, sr] = batch.inputs() as [Tensor, Tensor, Tensor];
    expect([input.shape, state.shape, sr.shape]).toEqual([[3, 3], [2, 3, 2], []]);
    expect(sr.data).toEqual(BigInt64Array.of(16_000n));
    expect(sr.data).not.toBe(members[0]?.inputs[2]?.data);
  });

  it('is run for every output that somebody wants, and gives each its own', () => {
    const { batch } = batchOf(silero, [frame(1, 1n, ['stateN']), frame(2, 1n, ['output', 'stateN'])]);
    expect(batch.outputs()).toEqual(['stateN', 'output']);
    const [first, second] = batch.split([f32('stateN', [2, 3, 2]), f32('output', [3, 1])]) ?? [];
    expect(first?.map(({ name, shape }) => [name, shape])).toEqual([['stateN', [2, 1, 2]]]);
    expect(second?.map(({ name, shape }) => [name, shape])).toEqual([
      ['output', [2, 1]],
      ['stateN', [2, 2, 2]],
    ]);
    expect(batch.split([f32('stateN', [2, 3, 2]), f32('output', [1, 1])])).toBeUndefined();
  });

  it('has no more items than the plan allows', () => {
    const { batch, joined } = batchOf(silero, [frame(5, 1n), frame(4, 1n), frame(3, 1n)]);
    expect(joined).toEqual([false, true]);
    expect(batch.full).toBe(true);
    expect(frame(8, 1n)).toBeUndefined();
  });

  it.each([
    ['items that disagree', [f32('input', [2, 3]), f32('state', [2, 1, 2])]],
    ['no items', [f32('input', [0, 3]), f32('state', [2, 0, 2])]],
  ])('has no request with %s', (_, inputs) => {
    expect(memberOf(silero, [...inputs, tensor('sr', 'INT64', [])], ['output'])).toBeUndefined();
  });
});

describe('padding', () => {
  const pad = { ids: { axis: 1, value: 7 } };
  const texts = (changes: object = {}, y = [-1, 4]) =>
    batchPlan({
      inputs: [{ name: 'ids', datatype: 'INT64', shape: [-1, -1] }],
      outputs: [spec('y', y)],
      stateful: false,
      batching: { maxBatchSize: 8, maxDelayMs: 0, pad: { ...pad, ...changes } },
    }) as BatchPlan;
  const text = (plan: BatchPlan, length: number) =>
    member(plan, [{ name: 'ids', datatype: 'INT64', shape: [1, length], data: new BigInt64Array(length) }], ['y']);

  it('fills up the shorter ones with the value stated', () => {
    const plan = texts();
    const { batch, joined } = batchOf(plan, [text(plan, 2), text(plan, 3)]);
    expect(joined).toEqual([true]);
    expect(batch.inputs()[0]).toMatchObject({ shape: [2, 3], data: BigInt64Array.of(0n, 0n, 7n, 0n, 0n, 0n) });
    expect(batch.split([f32('y', [2, 4])])?.map(([y]) => y?.shape)).toEqual([
      [1, 4],
      [1, 4],
    ]);
  });

  it('makes no batch of lengths that are far apart', () => {
    const plan = texts();
    const { joined } = batchOf(plan, [text(plan, 2), text(plan, 20), text(plan, 4)]);
    expect(joined).toEqual([false, true]);
  });

  it('cuts an output that is as long as the input, where the manifest says so', () => {
    const plan = texts({ y: { axis: 1, value: 0 } }, [-1, -1]);
    const { batch } = batchOf(plan, [text(plan, 2), text(plan, 3)]);
    const y = f32('y', [2, 3]);
    expect(batch.split([y])?.map(([own]) => Array.from((own?.data ?? []) as Float32Array))).toEqual([
      [0, 1],
      [3, 4, 5],
    ]);
    expect(batch.split([f32('y', [2, 5])])).toBeUndefined();
  });

  it('is not done where it cannot be told what of an output is real', () => {
    const plan = texts({}, [-1, -1]);
    expect(batchOf(plan, [text(plan, 2), text(plan, 3), text(plan, 2)]).joined).toEqual([false, true]);
  });
});
