import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { EntityCache, type Entry } from './entity-cache.ts';

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
  const peek = () => cache.peek('k', (promise) => pending.push(promise));
  const settle = () => Promise.all(pending.splice(0));
  return { world, cache, get, peek, settle };
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

  it('tells without waiting what it knows, and reads meanwhile what is not fresh', async () => {
    const { world, peek, settle } = setup();
    expect(peek()).toBeUndefined();
    await settle();
    expect(peek()).toBe('a');
    world.value = 'b';
    world.now = 5_000;
    expect([peek(), peek()]).toEqual(['a', 'a']);
    await settle();
    expect([peek(), world.reads]).toEqual(['b', 2]);
    world.now = 14_000;
    expect(peek()).toBeUndefined();
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

  it('goes on at once while the database is known to be away, and asks it again after five seconds', async () => {
    const { world, get, settle } = setup();
    await get();
    world.away = true;
    world.now = 10_000;
    expect(await get()).toBe('a');
    expect(world.reads).toBe(2);
    const never = Promise.withResolvers<void>();
    world.gate = never.promise;
    world.away = false;
    world.now = 14_999;
    expect(await get()).toBe('a');
    world.gate = Promise.resolve();
    never.resolve();
    await settle();
    world.value = undefined;
    world.now = 30_000;
    expect(await get()).toBeUndefined();
  });

  it('takes a database that does not answer for two seconds for one that is away', async () => {
    const { world, get } = setup();
    await get();
    world.gate = new Promise(() => undefined);
    world.now = 10_000;
    vi.useFakeTimers();
    try {
      const got = get();
      await vi.advanceTimersByTimeAsync(2_000);
      expect(await got).toBe('a');
    } finally {
      vi.useRealTimers();
    }
  });
});

/** Isolates of a colo over one database, on one clock. */
function newColo(isolates: number) {
  const world = { now: 0, value: 'a' as string | undefined, away: false, reads: 0 };
  const stored = new Map<string, Entry<string>>();
  const shared = {
    get: async (key: string) => stored.get(key),
    put: async (key: string, entry: Entry<string>) => void stored.set(key, entry),
  };
  const load = async () => {
    world.reads++;
    if (world.away) throw new Error('the database is away');
    return world.value;
  };
  const caches = Array.from({ length: isolates }, () => new EntityCache({ load, shared, now: () => world.now }));
  const pending: Promise<unknown>[] = [];
  const get = (isolate: number) => (caches[isolate] as (typeof caches)[0]).get('k', (kept) => pending.push(kept));
  const settle = async () => {
    while (pending.length > 0) await Promise.all(pending.splice(0));
  };
  return { world, stored, caches, get, settle };
}

describe('EntityCache in a colo', () => {
  it('asks no database for what another isolate read in the last five seconds, and counts age from that read', async () => {
    const { world, get } = newColo(3);
    await get(0);
    world.value = 'b';
    world.now = 5_000;
    expect(await get(1)).toBe('a');
    world.now = 5_001;
    expect(await get(2)).toBe('b');
    expect(world.reads).toBe(2);
    world.now = 8_001;
    expect(await get(1)).toBe('b');
  });

  it('takes nothing that is not younger than what it knows, nor from a clock ahead of its own', async () => {
    const { world, stored, get } = newColo(2);
    await get(0);
    world.value = undefined;
    world.now = 8_001;
    expect(await get(0)).toBeUndefined();
    stored.set('k', { value: 'a', readAt: 8_000 });
    world.now = 10_002;
    expect(await get(0)).toBeUndefined();
    stored.set('k', { value: 'a', readAt: 20_000 });
    expect(await get(1)).toBeUndefined();
  });

  it('does not share absence', async () => {
    const { world, stored, get, settle } = newColo(2);
    world.value = undefined;
    expect(await get(0)).toBeUndefined();
    await settle();
    expect(stored.size).toBe(0);
  });

  it('takes nothing from before its own change', async () => {
    const { world, caches, get } = newColo(1);
    await get(0);
    world.value = 'b';
    caches[0]?.forget('k');
    expect(await get(0)).toBe('b');
  });

  it('knows in a new isolate what others knew, for an hour, while the database is away', async () => {
    const { world, get } = newColo(3);
    await get(0);
    world.away = true;
    world.now = 59 * MINUTE;
    expect(await get(1)).toBe('a');
    world.now = 61 * MINUTE;
    await expect(get(2)).rejects.toThrow('away');
  });

  it('honours nothing that was revoked more than eight seconds ago, whoever asks when', async () => {
    const step = fc.record({ isolate: fc.nat(3), ms: fc.nat(3_000), forgets: fc.boolean() });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.nat(40_000), async (steps, revokedAt) => {
        const { world, caches, get, settle } = newColo(4);
        for (const { isolate, ms, forgets } of steps) {
          world.now += ms;
          if (world.now >= revokedAt) world.value = undefined;
          if (forgets && world.now < revokedAt) caches[isolate]?.forget('k');
          const got = await get(isolate);
          const isWrong = world.now < revokedAt ? got !== 'a' : world.now > revokedAt + 8_000 && got !== undefined;
          if (isWrong) throw new Error(`${got} at ${world.now}`);
          await settle();
        }
      }),
      { numRuns: 100 },
    );
  });
});
