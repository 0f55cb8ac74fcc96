import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planBatches } from './plan-batches.ts';

const limits = fc.record({
  tokenBudget: fc.integer({ min: 1, max: 400 }),
  maxBatchSize: fc.integer({ min: 1, max: 20 }),
});
const lengths = fc.array(fc.integer({ min: 0, max: 128 }), { maxLength: 60 });

describe('planBatches', () => {
  it('puts like lengths together and keeps to what a padded batch costs', () => {
    expect(planBatches([100, 3, 5, 90, 4], { tokenBudget: 200, maxBatchSize: 8 })).toEqual([
      [0, 3],
      [2, 4, 1],
    ]);
    expect(planBatches([100, 3, 5, 90, 4], { tokenBudget: 1000, maxBatchSize: 2 })).toEqual([[0, 3], [2, 4], [1]]);
    expect(planBatches([], { tokenBudget: 10, maxBatchSize: 2 })).toEqual([]);
  });

  it('has each item once, and no batch beyond the limits that has more than one', () => {
    fc.assert(
      fc.property(lengths, limits, (all, { tokenBudget, maxBatchSize }) => {
        const batches = planBatches(all, { tokenBudget, maxBatchSize });
        expect(batches.flat().sort((a, b) => a - b)).toEqual([...all.keys()]);
        for (const batch of batches) {
          const padded = batch.length * Math.max(...batch.map((index) => all[index] as number));
          expect(batch.length).toBeGreaterThan(0);
          expect(batch.length <= maxBatchSize && (batch.length === 1 || padded <= tokenBudget)).toBe(true);
        }
        expect(planBatches(all, { tokenBudget, maxBatchSize })).toEqual(batches);
      }),
    );
  });

  it('pads full batches no more than the order of arrival would', () => {
    const cost = (batches: number[][], all: number[]) =>
      batches.reduce((sum, batch) => sum + batch.length * Math.max(...batch.map((i) => all[i] as number)), 0);
    const eight = fc.array(fc.integer({ min: 1, max: 64 }), { minLength: 8, maxLength: 8 });
    fc.assert(
      fc.property(fc.array(eight, { minLength: 1, maxLength: 5 }), (arrived) => {
        const all = arrived.flat();
        const inOrder = arrived.map((_, i) => [...all.keys()].slice(8 * i, 8 * i + 8));
        const planned = planBatches(all, { tokenBudget: 1e6, maxBatchSize: 8 });
        expect(cost(planned, all)).toBeLessThanOrEqual(cost(inOrder, all));
      }),
      { numRuns: 1000 },
    );
  });
});
