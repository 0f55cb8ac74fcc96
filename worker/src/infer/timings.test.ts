import { describe, expect, it } from 'vitest';
import { Timings } from './timings.ts';

/** Timings by a clock that `pass` moves on. */
function timed() {
  let now = 10;
  const pass = (ms: number) => {
    now += ms;
  };
  const timings = new Timings(() => now);
  return { timings, pass, during: (name: string, ms: number) => timings.measure(name, async () => pass(ms)) };
}

describe('Timings', () => {
  it('leaves out what a standing clock could not measure', async () => {
    const { timings, during } = timed();
    timings.arrived(10);
    await during('edge', 0);
    expect(timings.header()).toBe('');
  });

  it('lists phases in order, a node’s under its own prefix', async () => {
    const { timings, during } = timed();
    await during('resolve', 1.5);
    timings.addRemote('node', 'queue;dur=0.204, run;dur=4, a b;dur=1, c;dur=x, d');
    expect(timings.header()).toBe('resolve;dur=1.5, node-queue;dur=0.2, node-run;dur=4, total;dur=1.5');
  });

  it('has phases that add up, whichever are inside of others or go on beside them', async () => {
    const { timings, pass, during } = timed();
    pass(3);
    timings.arrived(8);
    await during('resolve', 1);
    const edge = timings.measure('edge', async () => {
      pass(2);
      await during('fetch', 4);
      pass(5);
    });
    await during('node', 8);
    await edge;
    timings.move('edge', 'queue', 3);
    timings.move('edge', 'queue', 1_000);
    pass(16);
    const { total, ...phases } = timings.phases();
    expect(total).toBe(41);
    expect(Object.values(phases).reduce((sum, ms) => sum + ms)).toBe(total);
    expect(phases).toMatchObject({ auth: 2, read: 3, resolve: 1, other: 16 });
    expect(phases.edge).toBeUndefined();
  });
});
