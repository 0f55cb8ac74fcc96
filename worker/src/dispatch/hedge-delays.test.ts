import { expect, it } from 'vitest';
import { HedgeDelays } from './hedge-delays.ts';

it('is the 95th percentile of the last answers, once there are some', () => {
  const delays = new HedgeDelays();
  for (let ms = 0; ms < 19; ms++) delays.observe('v', ms);
  expect([delays.of('v'), delays.of('w')]).toEqual([undefined, undefined]);
  for (let i = 0; i < 1_000; i++) delays.observe('v', i % 100);
  expect(delays.of('v')).toBeGreaterThanOrEqual(93);
  expect(delays.of('v')).toBeLessThanOrEqual(97);
});

it('stays known of a version that is called, however many others come and go', () => {
  const delays = new HedgeDelays();
  for (let i = 0; i < 1_000; i++) {
    delays.observe('v', 5);
    delays.observe(`another ${i}`, 1);
  }
  expect(delays.of('v')).toBe(5);
});
