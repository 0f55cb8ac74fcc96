import { describe, expect, it } from 'vitest';
import { RESERVE, RETRIES_PER_REQUEST } from '../../worker/src/dispatch/retry-budget.ts';
import { compare, SCENARIOS } from './scenarios.ts';
import { type Outcome, simulate } from './simulate.ts';
import type { Strategy } from './strategies.ts';

const outcomes = new Map((await compare()).map(({ scenario, outcomes }) => [scenario.name, outcomes]));
const of = (part: string): Record<Strategy, Outcome> => {
  for (const [name, found] of outcomes) if (name.includes(part)) return found;
  throw new Error(`no scenario is about ${part}`);
};

describe('in virtual time', () => {
  it.each([
    ['ten times slower', 100],
    ['dies and comes back', 20],
    ['cut off', 50],
    ['the same, hedged', 50],
    ['unlike', 100],
  ])('the tail is far shorter than by turns or at random: %s', (part, times) => {
    const { ours, 'round-robin': turns, random } = of(part);
    expect(ours.failed).toBe(0);
    expect(turns.p99 / ours.p99).toBeGreaterThan(times);
    expect(random.p99 / ours.p99).toBeGreaterThan(times);
    expect(ours.p50).toBeLessThan(turns.p50 * 1.1);
  });

  it.each(['nothing', 'crowd'])(
    'the tail is no longer than at random, nor much longer than by turns, which suits like nodes best: %s',
    (part) => {
      const { ours, 'round-robin': turns, random } = of(part);
      expect(ours.failed).toBe(0);
      expect(ours.p99).toBeLessThan(random.p99);
      expect(ours.p99).toBeLessThan(turns.p99 * 1.25);
    },
  );

  it('a model is loaded once, where others load it on every node', () => {
    const { ours, 'round-robin': turns, random } = of('no node has loaded');
    expect([ours.loads, turns.loads, random.loads]).toEqual([1, 6, 6]);
    expect(ours.p99).toBeLessThan(Math.min(turns.p99, random.p99) * 1.05);
  });

  it('a hedge saves those that a silent region holds', () => {
    expect(of('cut off').ours.slowest).toBeGreaterThan(5_000);
    expect(of('the same, hedged').ours.slowest).toBeLessThan(1_000);
  });

  it('calls that are made again stay within the budget, also when all nodes are late, or die', () => {
    for (const { ours } of outcomes.values()) {
      // Of two isolates; a quarter of the requests come before they are counted, and the reserve fills in ten seconds.
      expect(ours.again).toBeLessThanOrEqual(1.25 * RETRIES_PER_REQUEST * ours.requests + 2 * 3 * RESERVE);
    }
    const { ours, random } = of('all nodes die');
    expect(random.again).toBeGreaterThan(0.9 * random.failed);
    expect(ours.again).toBeLessThan(0.05 * ours.failed);
  });

  it('is the same each time', async () => {
    const [scenario] = SCENARIOS;
    if (scenario) expect(await simulate(scenario, 'ours')).toEqual(outcomes.get(scenario.name)?.ours);
  });
});
