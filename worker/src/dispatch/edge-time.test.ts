import { describe, expect, it } from 'vitest';
import { edgeCost, isTooLongForEdge } from './edge-time.ts';

const squares = [1, 4, 16, 64, 256, 1024].map((times) => ({
  elements: 1_000 * times,
  multiplyAdds: 1e6 * times * times,
}));
const lines = squares.map(({ elements }) => ({ elements, multiplyAdds: 1_000 * elements }));
const tried = { runMs: 1, loadMs: 10, perItemMs: {}, elements: 1_000, branches: false };

describe('what is too long for the edge', () => {
  it('is told by the bound for that many elements and the pace of the trial', () => {
    // 70 times the elements cost 4,900 times as much, 71 times 5,041.
    expect(isTooLongForEdge({ ...tried, growth: squares }, 70_000)).toBe(false);
    expect(isTooLongForEdge({ ...tried, growth: squares }, 71_000)).toBe(true);
    expect(isTooLongForEdge({ ...tried, growth: lines }, 1_000_000)).toBe(false);
  });

  it('is never what was tried', () => {
    expect(isTooLongForEdge({ ...tried, runMs: 4_999, growth: squares }, 1_000)).toBe(false);
    expect(isTooLongForEdge({ ...tried, runMs: 4_999, growth: undefined }, 1_000)).toBe(false);
  });

  it('counts the dear branch of an If, which the trial may not have run', () => {
    const dear = [{ elements: 1_000, multiplyAdds: 2e10 }];
    const cheap = { ...tried, runMs: 0.01, growth: dear };
    expect(isTooLongForEdge({ ...cheap, branches: true }, 1_000)).toBe(true);
    expect(isTooLongForEdge({ ...cheap, branches: true }, 1)).toBe(true);
    expect(isTooLongForEdge({ ...cheap, branches: false }, 1_000)).toBe(false);
    const small = [{ elements: 1_000, multiplyAdds: 1e6 }];
    expect(isTooLongForEdge({ ...cheap, growth: small, branches: true }, 1_000)).toBe(false);
  });

  it('is told beyond the end of the table, too', () => {
    expect(isTooLongForEdge({ ...tried, runMs: 0.001, growth: squares }, 1e8)).toBe(true);
    expect(isTooLongForEdge({ ...tried, runMs: 0.001, growth: lines }, 3_000_000)).toBe(false);
  });

  it('is assumed where the file tells nothing', () => {
    expect(isTooLongForEdge({ ...tried, growth: undefined }, 4_096)).toBe(false);
    expect(isTooLongForEdge({ ...tried, growth: undefined }, 4_096 * 292)).toBe(false);
    expect(isTooLongForEdge({ ...tried, growth: [] }, 4_096 * 293)).toBe(true);
  });
});

it('what a run costs follows what was measured, and is less where several share it', () => {
  const measured = { ...tried, runMs: 2, perItemMs: { 1: 2, 4: 0.8, 8: 0.5 }, growth: squares };
  expect(edgeCost(measured, 500)).toEqual({ aloneMs: 2, sharedMs: 0.5 });
  expect(edgeCost(measured, 4_000).aloneMs).toBeCloseTo(32);
  expect(edgeCost({ ...measured, perItemMs: { 1: 2, 4: 3 }, branches: true }, 500)).toEqual({
    aloneMs: 2,
    sharedMs: 2,
  });
});
