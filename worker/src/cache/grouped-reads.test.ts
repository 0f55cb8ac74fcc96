import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GroupedReads } from './grouped-reads.ts';

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const keysFrom = (first: number, count: number) => Array.from({ length: count }, (_, i) => `k${first + i}`);

/** Reads over a database that is asked for groups of keys and fails where one of them is bad; `k1` does not exist. */
function setup() {
  const asked: string[][] = [];
  const world = { isSilent: false };
  const reads = new GroupedReads(async (keys) => {
    asked.push([...keys]);
    if (world.isSilent && keys.length > 1) await new Promise(() => undefined);
    if (keys.includes('bad')) throw new Error('it fails');
    return new Map(keys.filter((key) => key !== 'k1').map((key) => [key, `${key}'s`]));
  });
  const later = (keys: string[]) => Promise.allSettled(keys.map((key) => reads.read(key, true)));
  return { reads, asked, world, later };
}

const valuesOf = (settled: PromiseSettledResult<string | undefined>[]) =>
  settled.map((one) => (one.status === 'fulfilled' ? one.value : one.reason.message));

describe('GroupedReads', () => {
  it('reads alone and at once what somebody waits for', async () => {
    const { reads, asked } = setup();
    expect(await Promise.all([reads.read('k0', false), reads.read('k1', false)])).toEqual(["k0's", undefined]);
    expect(asked).toEqual([['k0'], ['k1']]);
  });

  it('reads together what comes in a short time, of each its own, fifty at most', async () => {
    const { asked, later } = setup();
    const first = later(keysFrom(0, 30));
    await vi.advanceTimersByTimeAsync(20);
    const others = later(keysFrom(30, 90));
    await vi.advanceTimersByTimeAsync(100);
    const values = keysFrom(0, 120).map((key) => (key === 'k1' ? undefined : `${key}'s`));
    expect([...valuesOf(await first), ...valuesOf(await others)]).toEqual(values);
    expect(asked.map((keys) => keys.length)).toEqual([50, 50, 20]);
    const after = later(['k0']);
    await vi.advanceTimersByTimeAsync(50);
    expect([valuesOf(await after), asked.length]).toEqual([["k0's"], 4]);
  });

  it('fails for those of a group that failed, and for no others', async () => {
    const { later } = setup();
    const failing = later(['bad', 'k0']);
    await vi.advanceTimersByTimeAsync(50);
    const next = later(['k0']);
    await vi.advanceTimersByTimeAsync(50);
    expect([valuesOf(await failing), valuesOf(await next)]).toEqual([['it fails', 'it fails'], ["k0's"]]);
  });

  it('goes on without the request that began a group: while it is read, and while it is open', async () => {
    const { asked, world, later } = setup();
    world.isSilent = true;
    const silent = later(['k0', 'k2']);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(valuesOf(await silent)).toEqual(["k0's", "k2's"]);
    world.isSilent = false;
    // The timers of a request end with it.
    vi.spyOn(globalThis, 'setTimeout').mockReturnValueOnce(0 as never);
    const joined = later(['k0', 'k2']);
    await vi.advanceTimersByTimeAsync(101);
    const after = later(['k3']);
    await vi.advanceTimersByTimeAsync(50);
    expect(valuesOf(await after)).toEqual(["k3's"]);
    await vi.advanceTimersByTimeAsync(1_000);
    expect(valuesOf(await joined)).toEqual(["k0's", "k2's"]);
    expect(asked).toEqual([['k0', 'k2'], ['k0'], ['k2'], ['k3'], ['k0'], ['k2']]);
  });
});
