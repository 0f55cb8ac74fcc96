import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

const steps = (backoff: Backoff, count: number) => Array.from({ length: count }, () => backoff.next());

describe('Backoff', () => {
  it('doubles up to ten seconds, and begins anew after success', () => {
    const backoff = new Backoff(() => 1);
    expect(steps(backoff, 6)).toEqual([1000, 2000, 4000, 8000, 10_000, 10_000]);
    backoff.reset();
    expect(backoff.next()).toBe(1000);
  });

  it('spreads', () => {
    expect(steps(new Backoff(() => 0), 2)).toEqual([500, 1000]);
  });
});
