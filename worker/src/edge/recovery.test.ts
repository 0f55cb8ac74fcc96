import { describe, expect, it } from 'vitest';
import { Recovery } from './recovery.ts';

function at(start: number) {
  const clock = { now: start };
  return { clock, recovery: new Recovery(() => clock.now) };
}

describe('Recovery', () => {
  it('is due after a stop, and possible when those inside have left', () => {
    const { recovery } = at(0);
    const [first, second] = [recovery.enter(), recovery.enter()];
    expect(recovery.isDue).toBe(false);
    recovery.stopped('a');
    expect([first.isVoid(), second.isVoid()]).toEqual([true, true]);
    first.leave();
    expect([recovery.isDue, recovery.isPossible]).toEqual([true, false]);
    second.leave();
    expect(recovery.isPossible).toBe(true);
    recovery.done();
    expect(recovery.isDue).toBe(false);
    expect(recovery.enter().isVoid()).toBe(false);
  });

  it('does not wait for one who never leaves, and counts nobody twice', () => {
    const { clock, recovery } = at(0);
    const gone = recovery.enter();
    recovery.stopped('a');
    clock.now = 10_001;
    expect(recovery.isPossible).toBe(true);
    recovery.done();
    const next = recovery.enter();
    gone.leave();
    recovery.stopped('b');
    // What belongs to the time before does not make room for those who are inside now.
    expect([recovery.isPossible, next.isVoid()]).toEqual([false, true]);
  });

  it('shuts out the model for a while, and no other', () => {
    const { clock, recovery } = at(0);
    recovery.stopped('a');
    expect([recovery.isShutOut('a'), recovery.isShutOut('b')]).toEqual([true, false]);
    clock.now = 60_000;
    expect(recovery.isShutOut('a')).toBe(false);
  });
});
