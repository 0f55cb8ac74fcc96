import { expect, it } from 'vitest';
import { OwnCalls } from './own-calls.ts';

it('adds what the last report cannot know yet, and takes off what has ended since', () => {
  const calls = new OwnCalls();
  for (let i = 0; i < 5; i++) calls.begin('v', 1000);
  expect(calls.pending(3, 900)).toBe(8);
  // Of the six that were reported five are ours; others have one.
  expect(calls.pending(6, 1500)).toBe(6);
  for (let i = 0; i < 4; i++) calls.end('v', 2000);
  expect(calls.pending(6, 1500)).toBe(2);
  calls.end('v', 2000);
  expect(calls.pending(5, 1500)).toBe(0);
  // Some of our calls had not reached the node.
  expect(calls.pending(2, 1500)).toBe(0);
});

it('knows which versions are called', () => {
  const calls = new OwnCalls();
  calls.begin('v', 0);
  calls.begin('v', 0);
  calls.end('v', 1);
  expect([calls.has('v'), calls.has('w')]).toEqual([true, false]);
  calls.end('v', 2);
  expect(calls.has('v')).toBe(false);
});

it('forgets what is older than any report', () => {
  const calls = new OwnCalls();
  for (let i = 0; i < 1000; i++) {
    calls.begin('v', i * 100);
    calls.end('v', i * 100 + 50);
  }
  calls.begin('v', 200_000);
  expect(calls.pending(7, 199_000)).toBe(8);
});
