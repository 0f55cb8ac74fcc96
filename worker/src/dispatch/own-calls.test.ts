import { expect, it } from 'vitest';
import { OwnCalls } from './own-calls.ts';

it('adds what the last report cannot know yet, and takes off what has ended since', () => {
  const calls = new OwnCalls();
  const [last, ...others] = Array.from({ length: 5 }, () => calls.begin('v', 1000));
  expect(calls.pending(3, 900, 1500)).toBe(8);
  // Of the six that were reported five are ours; others have one.
  expect(calls.pending(6, 1500, 1500)).toBe(6);
  for (const call of others) calls.end(call, 2000);
  expect(calls.pending(6, 1500, 2000)).toBe(2);
  if (last) calls.end(last, 2000);
  expect(calls.pending(5, 1500, 2000)).toBe(0);
  // Some of our calls had not reached the node.
  expect(calls.pending(2, 1500, 2000)).toBe(0);
});

it('knows which versions are called, and since when', () => {
  const calls = new OwnCalls();
  const [first, second] = [calls.begin('v', 0), calls.begin('v', 1)];
  expect([calls.oldestOf('v', 1), calls.oldestOf('w', 1)]).toEqual([0, undefined]);
  calls.end(first, 1);
  expect(calls.oldestOf('v', 1)).toBe(1);
  calls.end(second, 2);
  expect(calls.oldestOf('v', 2)).toBeUndefined();
});

it('forgets what is older than any report', () => {
  const calls = new OwnCalls();
  for (let i = 0; i < 1000; i++) calls.end(calls.begin('v', i * 100), i * 100 + 50);
  calls.begin('v', 200_000);
  expect(calls.pending(7, 199_000, 200_000)).toBe(8);
});

it('forgets a call that is never heard of again, once none can last so long', () => {
  const calls = new OwnCalls();
  const lost = calls.begin('v', 0);
  expect([calls.pending(0, 60_000, 60_000), calls.oldestOf('v', 60_000)]).toEqual([1, 0]);
  expect([calls.pending(0, 100_000, 100_000), calls.oldestOf('v', 100_000)]).toEqual([0, undefined]);
  calls.end(lost, 100_000);
  expect(calls.pending(0, 100_000, 100_000)).toBe(0);
});
