import { describe, expect, it, vi } from 'vitest';
import { SingleFlight } from './single-flight.ts';

const ignore = () => undefined;

describe('SingleFlight', () => {
  it('runs identical work once', async () => {
    const flight = new SingleFlight<number>();
    let runs = 0;
    const gate = Promise.withResolvers<void>();
    const work = async () => {
      runs++;
      await gate.promise;
      return 7;
    };
    const all = Array.from({ length: 5 }, () => flight.run('k', work, ignore));
    gate.resolve();
    expect(await Promise.all(all)).toEqual([7, 7, 7, 7, 7]);
    expect(runs).toBe(1);
  });

  it('starts anew when the last run is over', async () => {
    const flight = new SingleFlight<number>();
    let runs = 0;
    const work = async () => ++runs;
    expect(await flight.run('k', work, ignore)).toBe(1);
    expect(await flight.run('k', work, ignore)).toBe(2);
  });

  it('does not fail the waiters with the leader', async () => {
    const flight = new SingleFlight<string>();
    const gate = Promise.withResolvers<string>();
    const leader = flight.run('k', () => gate.promise, ignore);
    const waiter = flight.run('k', async () => 'own work', ignore);
    gate.reject(new Error('the leader failed'));
    await expect(leader).rejects.toThrow('the leader failed');
    expect(await waiter).toBe('own work');
  });

  it('fails them with it where every other run would fail, too', async () => {
    const flight = new SingleFlight<string>(1000, (error) => error === 'refused');
    const runs: string[] = [];
    const ask = (who: string) =>
      flight.run(
        'k',
        async () => {
          runs.push(who);
          throw 'refused';
        },
        ignore,
      );
    const all = await Promise.allSettled(['a', 'b', 'c'].map(ask));
    expect(all.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect(runs).toEqual(['a']);
  });

  it('lets nobody wait for more than two runs of others', async () => {
    const flight = new SingleFlight<string>();
    const runs: string[] = [];
    const ask = (who: string) =>
      flight.run(
        'k',
        async () => {
          runs.push(who);
          await Promise.resolve();
          if (who < 'c') throw new Error(who);
          return who;
        },
        ignore,
      );
    const all = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map(ask));
    expect(runs).toEqual(['a', 'b', 'c', 'd', 'e']);
    expect(all.map((each) => (each.status === 'fulfilled' ? each.value : 'failed'))).toEqual([
      'failed',
      'failed',
      'c',
      'd',
      'e',
    ]);
  });

  it('tells what is under way', async () => {
    const flight = new SingleFlight<number>();
    const run = flight.run('k', async () => 1, ignore);
    expect([flight.isUnderWay('k'), flight.isUnderWay('l')]).toEqual([true, false]);
    await run;
    expect(flight.isUnderWay('k')).toBe(false);
  });

  it('takes a run whose starter is gone for none after a while', async () => {
    vi.useFakeTimers();
    const flight = new SingleFlight<string>(1_000);
    void flight.run('k', () => new Promise<string>(ignore), ignore);
    vi.advanceTimersByTime(2_999);
    expect(flight.isUnderWay('k')).toBe(true);
    vi.advanceTimersByTime(1);
    expect(flight.isUnderWay('k')).toBe(false);
    expect(await flight.run('k', async () => 'at once', ignore)).toBe('at once');
    vi.useRealTimers();
  });

  it('does the work itself when the leader never settles', async () => {
    const flight = new SingleFlight<string>(5);
    void flight.run('k', () => new Promise<string>(ignore), ignore);
    expect(await flight.run('k', async () => 'own work', ignore)).toBe('own work');
  });

  it('keeps the work alive beyond the request that started it', async () => {
    const flight = new SingleFlight<number>();
    const kept: Promise<unknown>[] = [];
    await flight.run(
      'k',
      async () => 1,
      (promise) => kept.push(promise),
    );
    expect(kept).toHaveLength(1);
  });
});
