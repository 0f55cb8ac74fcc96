import { describe, expect, it } from 'vitest';
import { CallerGone, RunQueue } from './run-queue.ts';

/** A task that ends when told. */
function gate() {
  const { promise, resolve } = Promise.withResolvers<string>();
  let begun = false;
  const task = () => {
    begun = true;
    return promise;
  };
  return { task, open: () => resolve('done'), begun: () => begun };
}

const settled = () => new Promise((resolve) => setImmediate(resolve));

describe('RunQueue', () => {
  it('refuses beyond its limit until somebody leaves', () => {
    const queue = new RunQueue(2);
    queue.enter();
    queue.enter();
    expect(() => queue.enter()).toThrow(expect.objectContaining({ code: 'overloaded', retryAfterSeconds: 1 }));
    queue.leave();
    expect(() => queue.enter()).not.toThrow();
  });

  it('runs first come, first served, as many at a time as allowed, and tells the wait', async () => {
    let now = 0;
    const queue = new RunQueue(10, () => now);
    const gates = [gate(), gate(), gate()];
    const runs = gates.map(({ task }) => queue.run(2, task));
    await settled();
    expect(gates.map((g) => g.begun())).toEqual([true, true, false]);
    expect(queue.running).toBe(2);
    now = 7;
    gates[1]?.open();
    await settled();
    expect(gates[2]?.begun()).toBe(true);
    gates[0]?.open();
    gates[2]?.open();
    expect((await Promise.all(runs)).map((run) => run.queuedMs)).toEqual([0, 0, 7]);
    expect(queue.running).toBe(0);
  });

  it('gives the place of a failed run on', async () => {
    const queue = new RunQueue(10);
    const failed = queue.run(1, () => Promise.reject(new Error('no')));
    const next = queue.run(1, async () => 'yes');
    await expect(failed).rejects.toThrow('no');
    expect((await next).value).toBe('yes');
  });

  it('drops those whose caller left', async () => {
    const queue = new RunQueue(10);
    const first = gate();
    const caller = new AbortController();
    const running = queue.run(1, first.task);
    const left = gate();
    const dropped = queue.run(1, left.task, caller.signal);
    const last = queue.run(1, async () => 'last');
    caller.abort();
    first.open();
    await expect(dropped).rejects.toBeInstanceOf(CallerGone);
    expect(left.begun()).toBe(false);
    expect((await last).value).toBe('last');
    expect((await running).value).toBe('done');
  });
});
