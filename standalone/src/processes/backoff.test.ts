import { describe, expect, it } from 'vitest';
import { Backoff } from './backoff.ts';

describe('Backoff', () => {
  it('begins with a second and doubles to thirty', () => {
    const backoff = new Backoff();
    const delays = Array.from({ length: 8 }, () => backoff.after(500));
    expect(delays).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
  });

  it('begins anew after a minute of health', () => {
    const backoff = new Backoff();
    backoff.after(0);
    backoff.after(59_999);
    expect(backoff.after(60_000)).toBe(1_000);
    expect(backoff.after(0)).toBe(2_000);
  });
});
