import { expect, it } from 'vitest';
import { FairLine, type InLine } from './fair-line.ts';

/** Takes one by one those whose turn it is, until it is this one's. */
function takenBefore(line: FairLine<InLine>, own: InLine): number {
  line.add(own);
  for (let taken = 0; ; taken++) {
    const [next] = line.inTurn();
    if (!next || next === own) return taken;
    line.take([next]);
  }
}

it.each([
  ['as many items', 1, 3, 0],
  ['many items a request', 64, 3, 0],
  ['been given much already', 1, 3, 50],
  ['none of its own before it', 1, 0, 0],
])('tells no more to go first than do, where another tenant has %s', (_what, items, own, given) => {
  const line = new FairLine<InLine>();
  for (let i = 0; i < given + 10; i++) line.add({ tenant: 'a', turn: i, items });
  line.add({ tenant: 'b', turn: 0, items: 1 });
  for (let i = 0; i < given; i++) line.take([[...line.inTurn()].find(({ tenant }) => tenant === 'a') as InLine]);
  for (let i = 1; i < own; i++) line.add({ tenant: 'b', turn: i, items: 1 });
  const told = line.ahead('b', 100);
  const taken = takenBefore(line, { tenant: 'b', turn: 100, items: 1 });
  expect(told).toBeLessThanOrEqual(taken);
  expect(taken - told).toBeLessThanOrEqual(1);
});
