import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { randomFrom } from '../../../test/support/random.ts';
import { chooseNode, type NodeCandidate, type NodeWish } from './choose-node.ts';

interface Made {
  region: string | null;
  isHealthy: boolean;
  isFull: boolean;
  has: boolean;
  pending: number;
  ms: number;
}

const ASKER = { team: 'team', size: 1 };
const IDLE = { isHealthy: true, isFull: false, has: false, pending: 0, ms: 10 };

const node = (process: string, changes: Partial<Made> = {}): NodeCandidate => {
  const { region, ...made }: Made = { region: null, ...IDLE, ...changes };
  return {
    ...{ process, region },
    isHealthy: () => made.isHealthy,
    isFull: () => made.isFull,
    has: () => made.has,
    pending: () => made.pending,
    expectedMs: () => made.ms,
  };
};

const wish = (changes: Partial<NodeWish> = {}): NodeWish => ({
  now: 0,
  asker: ASKER,
  leftMs: Number.POSITIVE_INFINITY,
  regions: undefined,
  usualMs: undefined,
  random: () => 0.5,
  ...changes,
});

const chosen = (nodes: NodeCandidate[], changes: Partial<NodeWish> = {}) =>
  chooseNode(nodes, wish(changes))?.candidate.process;

describe('a version', () => {
  it('stays where it is while that answers sooner than a load elsewhere', () => {
    const idle = node('idle', { ms: 2_000 });
    const has = (ms: number) => node('has', { has: true, ms, pending: 99 });
    expect(chosen([idle, has(1_999)])).toBe('has');
    expect(chosen([idle, has(2_001)])).toBe('idle');
    expect(chosen([idle, has(2_001), node('also', { has: true, ms: 1_100 })])).toBe('also');
  });

  it('is loaded by the first in its order that has not much more to do than the others', () => {
    const nodes = (first: number) => [node('1', { pending: first }), node('2'), node('3')];
    expect(chosen(nodes(15))).toBe('1');
    expect(chosen(nodes(16))).toBe('2');
    const busy = [60, 40, 40].map((pending, i) => node(`${i}`, { pending }));
    expect(chosen(busy)).toBe('1');
  });

  it('is asked of the less busy of two, drawn from those that would answer about as soon as the best', () => {
    const like = Array.from({ length: 5 }, (_, i) => node(`${i}`, { has: true, ms: 10 + i, pending: i }));
    const nodes = [...like, node('slow', { has: true, ms: 21 })];
    const random = randomFrom(1);
    const counts = new Map<string | undefined, number>();
    for (let i = 0; i < 10_000; i++) {
      const process = chosen(nodes, { random });
      counts.set(process, (counts.get(process) ?? 0) + 1);
    }
    // Of ten pairs the idlest is in four, the next in three of the rest, and so on; the busiest is never the less busy.
    expect(nodes.map(({ process }) => Math.round((counts.get(process) ?? 0) / 1_000))).toEqual([4, 3, 2, 1, 0, 0]);
  });

  it('goes by what is pending where two would answer at once', () => {
    expect(chosen([node('a', { has: true, pending: 3 }), node('b', { has: true, pending: 2 })])).toBe('b');
    expect(chosen([node('a', { has: true }), node('b', { has: true })])).toBe('a');
  });
});

it('is loaded where the deadline is made, and where it would be anyway when it is made nowhere', () => {
  const nodes = [node('1', { ms: 2_500 }), node('2', { ms: 2_100 })];
  expect(chosen(nodes)).toBe('1');
  expect(chosen(nodes, { leftMs: 2_200 })).toBe('2');
  expect(chosen(nodes, { leftMs: 500 })).toBe('1');
});

it('never takes an unhealthy, disallowed, full or late node while another one is there', () => {
  const anyNode = fc.record({
    region: fc.constantFrom(null, 'eu', 'us'),
    isHealthy: fc.boolean(),
    isFull: fc.boolean(),
    has: fc.boolean(),
    pending: fc.nat(50),
    ms: fc.nat(5_000),
    isTried: fc.boolean(),
  });
  const regions = fc.constantFrom(undefined, ['eu'], ['us', 'eu'], []);
  fc.assert(
    fc.property(
      fc.array(anyNode, { maxLength: 8 }),
      regions,
      fc.double({ min: 0, max: 0.999 }),
      fc.constantFrom(100, 2_000, Number.POSITIVE_INFINITY),
      (made, pins, point, leftMs) => {
        const nodes = made.map((changes, i) => node(`${i}`, changes));
        const mayTry = (process: string) => made[Number(process)]?.isTried === false;
        const isRight = ({ process, region, isHealthy }: NodeCandidate) =>
          isHealthy(0) && mayTry(process) && (!pins || (region !== null && pins.includes(region)));
        const choice = chooseNode(nodes, wish({ regions: pins, leftMs, mayTry, random: () => point }));
        const right = nodes.filter(isRight);
        expect(choice === undefined).toBe(right.length === 0);
        if (!choice) return;
        expect(isRight(choice.candidate)).toBe(true);
        expect(choice.isFull).toBe(choice.candidate.isFull(ASKER, 0));
        const notFull = right.filter(({ isFull }) => !isFull(ASKER, 0));
        const isMade = notFull.some(({ expectedMs }) => expectedMs(0, undefined) <= leftMs);
        if (isMade) expect(choice.expectedMs).toBeLessThanOrEqual(leftMs);
        if (choice.isFull) expect(right.every(({ isFull }) => isFull(ASKER, 0))).toBe(true);
      },
    ),
    { numRuns: 200 },
  );
});
