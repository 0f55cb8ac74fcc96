import { describe, expect, it } from 'vitest';
import { Timings } from './timings.ts';

describe('Timings', () => {
  it('leaves out what a standing clock could not measure', async () => {
    const timings = new Timings(() => 5);
    await timings.measure('edge', async () => 1);
    expect(timings.header()).toBe('');
  });

  it('lists phases in order, a node’s under its own prefix', async () => {
    let now = 0;
    const timings = new Timings(() => now);
    await timings.measure('resolve', async () => {
      now += 1.5;
    });
    timings.addRemote('node', 'queue;dur=0.2, run;dur=4');
    expect(timings.header()).toBe('resolve;dur=1.50, node-queue;dur=0.20, node-run;dur=4.00');
  });
});
