import { describe, expect, it } from 'vitest';
import { chooseTarget, stickyPoint } from './choose-target.ts';

describe('chooseTarget', () => {
  it('splits by shares of the sum of weights', () => {
    const targets = [
      { version: 1, weight: 9 },
      { version: 2, weight: 1 },
    ];
    const chosen = Array.from({ length: 1000 }, (_, i) => chooseTarget(targets, i / 1000));
    expect(chosen.filter((version) => version === 2)).toHaveLength(100);
  });

  it('always answers a target, at the ends of the range too', () => {
    const targets = [0.1, 0.2, 0.7].map((weight, i) => ({ version: i + 1, weight }));
    expect(chooseTarget(targets, 0)).toBe(1);
    expect(chooseTarget(targets, 1 - Number.EPSILON)).toBe(3);
  });
});

describe('stickyPoint', () => {
  it('is the same for the same caller and spread over the range', () => {
    expect(stickyPoint('alice')).toBe(stickyPoint('alice'));
    const points = Array.from({ length: 4000 }, (_, i) => stickyPoint(`user-${i}`));
    const below = points.filter((point) => point < 0.25).length;
    expect(below).toBeGreaterThan(850);
    expect(below).toBeLessThan(1150);
    expect(Math.max(...points)).toBeLessThan(1);
  });
});
