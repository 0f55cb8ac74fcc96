import { expect, it } from 'vitest';
import { type Call, OwnCalls } from './own-calls.ts';

it('adds what the last report cannot know yet, and takes off what has ended since', () => {
  const calls = new OwnCalls();
  const [last, ...others] = Array.from({ length: 5 }, () => calls.begin(new Set(), 't', 1000));
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

it('keeps those of a version together', () => {
  const calls = new OwnCalls();
  const among = new Set<Call>();
  const first = calls.begin(among, 't', 0);
  const second = calls.begin(among, 't', 1);
  calls.begin(new Set(), 't', 1);
  expect([...among]).toEqual([first, second]);
  calls.end(first, 1);
  expect([...among]).toEqual([second]);
});

it('forgets what is older than any report', () => {
  const calls = new OwnCalls();
  for (let i = 0; i < 1000; i++) calls.end(calls.begin(new Set(), 't', i * 100), i * 100 + 50);
  calls.begin(new Set(), 't', 200_000);
  expect(calls.pending(7, 199_000, 200_000)).toBe(8);
});

it('forgets a call that is never heard of again, once none can last so long', () => {
  const calls = new OwnCalls();
  const lost = calls.begin(new Set(), 't', 0);
  expect([calls.pending(0, 60_000, 60_000), lost.among.size]).toEqual([1, 1]);
  expect([calls.pending(0, 100_000, 100_000), lost.among.size]).toEqual([0, 0]);
  calls.end(lost, 100_000);
  expect(calls.pending(0, 100_000, 100_000)).toBe(0);
});
