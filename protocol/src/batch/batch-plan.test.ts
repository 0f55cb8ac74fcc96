import { describe, expect, it } from 'vitest';
import { Admission, type TrialReport } from '../versions.ts';
import { type Batchable, batchPlan } from './batch-plan.ts';

const x = { name: 'x', datatype: 'FP32' as const, shape: [-1, 4] };
const state = { name: 'state', datatype: 'FP32' as const, shape: [2, -1] };
const model = (changes: Partial<Batchable> = {}): Batchable => ({
  inputs: [x],
  outputs: [{ ...x, name: 'y' }],
  stateful: false,
  ...changes,
});

function measured(report: Partial<TrialReport>, maxBatchSize?: number) {
  const node = {
    where: 'n',
    engine: 'ort-cpu',
    loadMs: 1,
    runMs: 1,
    perItemMs: { 1: 1, 4: 0.5, 8: 0.4 },
    deterministic: true,
    shapes: {},
    ...report,
  };
  const batching = maxBatchSize === undefined ? {} : { batching: { maxBatchSize } };
  return Admission.parse({ edgeEligible: false, node, ...batching });
}

describe('batchPlan', () => {
  it('is made of what the manifest states', () => {
    const batching = { maxBatchSize: 16, maxDelayMs: 5, axes: { x: 0, state: 1, y: 0 } };
    expect(batchPlan(model({ inputs: [x, state], batching }))).toMatchObject({
      maxItems: 16,
      maxDelayMs: 5,
      axes: new Map(Object.entries(batching.axes)),
    });
    expect(batchPlan(model({ batching: { maxBatchSize: 2, maxDelayMs: 0 } }))?.axes).toEqual(
      new Map([
        ['x', 0],
        ['y', 0],
      ]),
    );
  });

  it('is made of what was measured, further where items got cheaper to the end and are fast', () => {
    expect(batchPlan(model())).toBeUndefined();
    expect(batchPlan(model(), measured({ batchInvariant: true }, 4))?.maxItems).toBe(4);
    expect(batchPlan(model(), measured({ batchInvariant: true }, 8))?.maxItems).toBe(64);
    const slow = measured({ batchInvariant: true, perItemMs: { 1: 9, 4: 7, 8: 5 } }, 8);
    expect(batchPlan(model(), slow)?.maxItems).toBe(20);
    expect(batchPlan(model(), measured({ batchInvariant: true }, 1))).toBeUndefined();
    expect(batchPlan(model(), measured({ batchInvariant: true }))).toBeUndefined();
  });

  it('is never made where a batch changes answers, whatever is stated', () => {
    const batching = { maxBatchSize: 16, maxDelayMs: 0 };
    expect(batchPlan(model({ batching }), measured({ batchInvariant: false }))).toBeUndefined();
    expect(batchPlan(model({ batching, stateful: true }))).toBeUndefined();
  });

  it.each([{ x: 1, y: 0 }, { x: 2, y: 0 }, { z: 0, x: 0, y: 0 }, { y: 0 }])(
    'is not made of axes that are not there to grow: %o',
    (axes) => {
      expect(batchPlan(model({ batching: { maxBatchSize: 16, maxDelayMs: 0, axes } as never }))).toBeUndefined();
    },
  );

  it('fills up numbers of a free axis only, of tensors that have items', () => {
    const text = { name: 'text', datatype: 'BYTES' as const, shape: [-1, -1] };
    const ids = { name: 'ids', datatype: 'INT64' as const, shape: [-1, -1] };
    const one = { axis: 1, value: 0 };
    const pad = { x: one, ids: one, text: one, y: one, nobody: one };
    const batching = { maxBatchSize: 4, maxDelayMs: 0, pad };
    expect([...(batchPlan(model({ inputs: [x, ids, text], batching }))?.pad.keys() ?? [])]).toEqual(['ids']);
    const ofItems = { ...batching, pad: { ids: { axis: 0, value: 0 } } };
    expect(batchPlan(model({ inputs: [ids], batching: ofItems }))?.pad.size).toBe(0);
  });
});
