import { expect, it } from 'vitest';
import { WarmUps } from './warm-ups.ts';

it('a session is made ahead by one of those that want it, and again only after a while', () => {
  let now = 0;
  const warmUps = new WarmUps(() => now);
  expect([warmUps.begin('a'), warmUps.begin('a'), warmUps.begin('b')]).toEqual([true, false, true]);
  now = 10_000;
  expect([warmUps.begin('a'), warmUps.begin('a')]).toEqual([true, false]);
});
