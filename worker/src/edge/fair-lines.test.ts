import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { FairLines } from './fair-lines.ts';

const job = (line: string, costMs: number, bytes = 1, team = line) => ({ line, team, costMs, bytes });

/** Runs what is next until nothing waits, or `times` runs are done; each line gets `refill` of its jobs again at once. */
function serve(lines: FairLines<ReturnType<typeof job>>, times: number): Map<string, number> {
  const spentMs = new Map<string, number>();
  for (let i = 0; i < times; i++) {
    const next = lines.next();
    if (!next) break;
    lines.take([next], next.costMs);
    spentMs.set(next.line, (spentMs.get(next.line) ?? 0) + next.costMs);
    lines.add({ ...next });
  }
  return spentMs;
}

describe('lines', () => {
  it('whatever their runs cost, no line that waits gets ahead of another by more than a run of each', () => {
    const costs = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 2, maxLength: 5 });
    fc.assert(
      fc.property(costs, fc.integer({ min: 1, max: 300 }), (each, times) => {
        const lines = new FairLines<ReturnType<typeof job>>();
        each.forEach((costMs, i) => {
          lines.add(job(String(i), costMs));
        });
        const spent = serve(lines, times);
        for (const [i, a] of each.entries()) {
          for (const [j, b] of each.entries()) {
            expect(Math.abs((spent.get(String(i)) ?? 0) - (spent.get(String(j)) ?? 0))).toBeLessThanOrEqual(a + b);
          }
        }
      }),
      { numRuns: 100 },
    );
  });

  it('one that comes while a long run is on goes before the next long one, and catches up on nothing', () => {
    const lines = new FairLines<ReturnType<typeof job>>();
    const [a, b] = [job('long', 300), job('long', 300)];
    lines.add(a);
    lines.add(b);
    lines.take([a], 300);
    for (let i = 0; i < 3; i++) lines.add(job('short', 120));
    const order: string[] = [];
    for (let next = lines.next(); next; next = lines.next()) {
      order.push(next.line);
      lines.take([next], next.costMs);
    }
    expect(order).toEqual(['short', 'short', 'short', 'long']);
    expect([lines.count, lines.costMs]).toEqual([0, 0]);
  });

  it('that share a run are each charged for their part of it', () => {
    const lines = new FairLines<ReturnType<typeof job>>();
    const [a, b, c] = [job('a', 10), job('b', 30), job('c', 25)];
    for (const each of [a, b, c]) lines.add(each);
    lines.take([a, b], 40);
    lines.add(job('a', 10));
    lines.add(job('b', 30));
    const order: string[] = [];
    for (let next = lines.next(); next; next = lines.next()) {
      order.push(next.line);
      lines.take([next], next.costMs);
    }
    expect(order).toEqual(['c', 'a', 'b']);
  });

  it('that share a run go in turn, too', () => {
    const lines = new FairLines<ReturnType<typeof job>>();
    for (let i = 0; i < 9; i++) lines.add(job('many', 10));
    const first = [...lines.from('many')].slice(0, 4) as [ReturnType<typeof job>];
    lines.take(first, 40);
    for (const name of ['b', 'c']) lines.add(job(name, 10));
    lines.add(job('many', 10));
    expect([...lines.from('b')].map(({ line }) => line).slice(0, 3)).toEqual(['b', 'c', 'many']);
    // At least what is before it, and of others as much.
    expect(['many', 'b', 'd'].map((line) => lines.waitMs(line))).toEqual([80, 30, 0]);
  });

  it('of one team have the share of one team together', () => {
    const lines = new FairLines<ReturnType<typeof job>>();
    for (const name of ['v1', 'v2', 'v3']) lines.add(job(name, 10, 1, 'a'));
    lines.add(job('other', 10, 1, 'b'));
    const spent = serve(lines, 60);
    expect(spent.get('other')).toBeGreaterThanOrEqual(280);
    expect(Math.min(...['v1', 'v2', 'v3'].map((name) => spent.get(name) ?? 0))).toBeGreaterThanOrEqual(80);
  });

  it('are bounded in number, bytes and time, with places kept for other teams, and say when to come back', () => {
    const lines = new FairLines<ReturnType<typeof job>>({ count: 8, bytes: 100, costMs: 5_000 });
    const refusal = expect.objectContaining({ code: 'overloaded', message: expect.stringContaining('5 of them your') });
    for (let i = 0; i < 5; i++) lines.add(job(`a${i % 2}`, 700, 1, 'a'));
    expect(lines.isCrowded).toBe(true);
    // A team has three quarters of each.
    expect(() => lines.add(job('a0', 300, 1, 'a'))).toThrow(refusal);
    expect(() => lines.add(job('a2', 1, 71, 'a'))).toThrow(refusal);
    lines.add(job('a2', 1, 1, 'a'));
    expect(() => lines.add(job('a3', 1, 1, 'a'))).toThrow(expect.objectContaining({ retryAfterSeconds: 4 }));
    expect(() => lines.add(job('b', 1, 95))).toThrow('0 of them your');
    // Who has nothing waiting may have one run, however long.
    lines.add(job('b', 9_000, 80));
    expect(() => lines.add(job('b', 1))).toThrow('1 of them your');
    lines.add(job('c', 1));
    expect(() => lines.add(job('d', 1))).toThrow('8 runs waiting');
    expect(lines.clear()).toHaveLength(8);
    expect([lines.count, lines.costMs, lines.isCrowded]).toEqual([0, 0, false]);
    lines.add(job('a', 60_000, 1_000));
    expect(lines.count).toBe(1);
  });
});
