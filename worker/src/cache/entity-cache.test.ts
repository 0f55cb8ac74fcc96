import { describe, expect, it } from 'vitest';
import { EntityCache } from './entity-cache.ts';

const MINUTE = 60_000;

/** A cache over a database that can be changed and taken away, with a clock that stands still until it is moved. */
function setup() {
  const world = { now: 0, value: 'a' as string | undefined, away: false, reads: 0, gate: Promise.resolve() };
  const pending: Promise<unknown>[] = [];
  const cache = new EntityCache<string>({
    now: () => world.now,
    load: async () => {
      world.reads++;
      if (world.away) throw new Error('the database is away');
      const { value } = world;
      await world.gate;
      return value;
    },
  });
  const get = () => cache.get('k', (promise) => pending.push(promise));
  const settle = () => Promise.all(pending.splice(0));
  return { world, cache, get, settle };
}

describe('EntityCache', () => {
  it('serves an entry for two seconds without asking', async () => {
    const { world, get } = setup();
    await get();
    world.value = 'b';
    world.now = 2_000;
    expect(await get()).toBe('a');
    expect(world.reads).toBe(1);
  });

  it('serves an older entry while one refresh runs, then the new one', async () => {
    const { world, get, settle } = setup();
    await get();
    world.value = 'b';
    world.now = 5_000;
    expect(await Promise.all([get(), get(), get()])).toEqual(['a', 'a', 'a']);
    await settle();
    expect(world.reads).toBe(2);
    expect(await get()).toBe('b');
  });

  it('waits for the refresh after eight seconds: an isolate idle for an hour honours no revoked key', async () => {
    const { world, get } = setup();
    await get();
    world.value = undefined;
    world.now = 60 * MINUTE;
    expect(await get()).toBeUndefined();
  });

  it('serves what it knows for an hour while the database is away, and no longer', async () => {
    const { world, get } = setup();
    await get();
    world.away = true;
    world.now = 59 * MINUTE;
    expect(await get()).toBe('a');
    world.now = 61 * MINUTE;
    await expect(get()).rejects.toThrow('away');
  });

  it('counts age from before the read', async () => {
    const { world, get, settle } = setup();
    await get();
    world.now = 3_000;
    await get();
    await settle();
    world.value = 'b';
    world.now = 5_001;
    await get();
    await settle();
    expect(await get()).toBe('b');
  });

  it('remembers absence for two seconds only', async () => {
    const { world, get } = setup();
    world.value = undefined;
    expect(await get()).toBeUndefined();
    world.value = 'a';
    world.now = 2_000;
    expect(await get()).toBeUndefined();
    world.now = 2_001;
    expect(await get()).toBe('a');
  });

  it('never calls an unknown entity absent when the database is away', async () => {
    const { world, get } = setup();
    world.away = true;
    await expect(get()).rejects.toThrow('away');
  });

  it('forgets on request', async () => {
    const { world, cache, get } = setup();
    await get();
    world.value = 'b';
    cache.forget('k');
    expect(await get()).toBe('b');
  });

  it('forgets a read that began before the request, too', async () => {
    const { world, cache, get, settle } = setup();
    await get();
    const gate = Promise.withResolvers<void>();
    world.gate = gate.promise;
    world.now = 3_000;
    expect(await get()).toBe('a');
    world.value = 'b';
    cache.forget('k');
    const after = get();
    gate.resolve();
    expect(await after).toBe('b');
    await settle();
    expect(await get()).toBe('b');
    expect(world.reads).toBe(3);
  });

  it('forgets what was used least recently where all together is too large', async () => {
    const reads: string[] = [];
    const load = async (key: string) => {
      reads.push(key);
      return 'x'.repeat(400_000);
    };
    const cache = new EntityCache<string>({
      load,
      now: () => 0,
      bytes: { max: 1_000_000, of: ({ length }) => length },
    });
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await cache.get(key, () => {});
    expect(reads).toEqual(['a', 'b', 'c', 'b']);
  });
});
