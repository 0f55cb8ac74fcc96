import { describe, expect, it } from 'vitest';
import { TrialBounds } from './trial-bounds.ts';

function setup() {
  const clock = { now: 0 };
  const bounds = new TrialBounds({ timeMs: 1_000, memoryBytes: 100 }, () => clock.now);
  const at = (now: number, cpuMs?: number, bytes = 1) => {
    clock.now = now;
    return bounds.check(cpuMs === undefined ? undefined : { bytes, cpuMs });
  };
  return { bounds, at };
}

const stopped = (message: string) => ({ fault: 'model', failure: { kind: 'stopped', message } });

describe('TrialBounds', () => {
  it('does not count the start of the process as loading', () => {
    const { bounds, at } = setup();
    expect(at(59_000, 5_000)).toBeUndefined();
    bounds.enter('loading');
    expect(at(59_500, 5_000)).toBeUndefined();
    expect(at(60_000, 5_900)).toEqual(stopped('loading did not end within 1 s'));
  });

  it('ends a model that computes for too long, in each phase anew', () => {
    const { bounds, at } = setup();
    bounds.enter('loading');
    expect(at(900, 900)).toBeUndefined();
    bounds.enter('running');
    expect(at(1_000, 900)).toBeUndefined();
    expect(at(1_850, 1_700)).toBeUndefined();
    expect(at(1_900, 1_750)).toEqual(stopped('its runs did not end within 1 s'));
  });

  it('waits for one that the machine gives no time, and then blames the machine', () => {
    const { bounds, at } = setup();
    bounds.enter('running');
    at(0, 0);
    expect(at(1_500, 400)).toBeUndefined();
    expect(at(3_999, 499)).toBeUndefined();
    expect(at(4_000, 499)).toEqual({ fault: 'machine', reason: 'its runs got 0.499 s of computing in 4 s' });
    expect(at(4_000, 500)).toMatchObject({ fault: 'model' });
  });

  it('goes by the clock where the system tells nothing', () => {
    const { bounds, at } = setup();
    bounds.enter('running');
    expect(at(999)).toBeUndefined();
    expect(at(1_000)).toMatchObject({ fault: 'model' });
  });

  it('ends what takes too much memory, also while it starts', () => {
    const { at } = setup();
    expect(at(0, 0, 100)).toBeUndefined();
    expect(at(1, 0, 101)).toMatchObject({ fault: 'model', failure: { kind: 'memory' } });
  });

  it('blames the machine for a process that does not start', () => {
    expect(setup().at(60_001, 0)).toMatchObject({ fault: 'machine' });
  });
});
