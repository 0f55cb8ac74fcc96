import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Account } from './account.ts';
import { Ledger } from './ledger.ts';
import type { Ask, Limits, Need } from './terms.ts';

/** Time that goes on only when everything that can be done is done. */
class World {
  time = 1_800_000_000_000;
  #timers: { at: number; run: () => void }[] = [];

  sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      this.#timers.push({ at: this.time + ms, run: resolve });
    });

  async pass(ms: number): Promise<void> {
    const end = this.time + ms;
    for (;;) {
      await new Promise((resolve) => setImmediate(resolve));
      const [next] = this.#timers.sort((a, b) => a.at - b.at);
      if (!next || next.at > end) break;
      this.#timers.shift();
      this.time = Math.max(this.time, next.at);
      next.run();
    }
    this.time = end;
  }
}

interface Net {
  /** The way there and back, in ms each. */
  delayMs: number;
  isDown: boolean;
  /** Nothing comes back. */
  isMute: boolean;
  asks: number;
}

let isolates = 0;

function newWorld(limits: Partial<Limits>) {
  const world = new World();
  const ledger = new Ledger(() => world.time);
  const all = { setAt: 1, ...limits };
  const net: Net = { delayMs: 20, isDown: false, isMute: false, asks: 0 };
  const newIsolate = (whenAway: 'open' | 'closed' = 'open', own: { isStopped: boolean } = { isStopped: false }) => {
    const exchange = async (ask: Ask) => {
      net.asks++;
      await world.sleep(net.delayMs);
      if (net.isDown) throw new Error('away');
      if (net.isMute) return await new Promise<undefined>(() => undefined);
      const answer = ledger.exchange(ask)?.answer;
      await world.sleep(net.delayMs);
      return answer;
    };
    const sleep = (ms: number) => (own.isStopped ? new Promise<void>(() => undefined) : world.sleep(ms));
    isolates++;
    const newSession = () => `isolate ${isolates} ${Math.random()}`;
    const account = new Account(all, { newSession, exchange, whenAway, now: () => world.time, sleep });
    const waitUntil = (work: Promise<unknown>) => void work.catch(() => undefined);
    const admitted: number[] = [];
    const refused: Error[] = [];
    /** Comes in as a request does. @returns whether it was let in without waiting */
    const request = (need: Need, place?: { aliveAt: number }): boolean => {
      try {
        const taken = account.take(need, all, waitUntil, place);
        if (!taken) {
          admitted.push(world.time);
          return true;
        }
        taken.then(
          () => void admitted.push(world.time),
          (error: Error) => void refused.push(error),
        );
      } catch (error) {
        refused.push(error as Error);
      }
      return false;
    };
    return { account, request, admitted, refused, waitUntil };
  };
  return { world, ledger, net, newIsolate };
}

const ONE = { requests: 1 };

describe('an account', () => {
  it('lets in exactly as many of a burst as the limit says, with few asks', async () => {
    const { world, net, newIsolate } = newWorld({ requests: 300 });
    const { request, admitted, refused } = newIsolate();
    for (let i = 0; i < 500; i++) request(ONE);
    await world.pass(500);
    expect([admitted.length, refused.length]).toEqual([300, 200]);
    expect(refused[0]).toMatchObject({ code: 'quota_exceeded', retryAfterSeconds: 60 });
    expect(net.asks).toBeLessThan(10);
  });

  it('shares a burst with other isolates: what one holds too much, the others have within two seconds', async () => {
    const { world, newIsolate } = newWorld({ requests: 300 });
    const isolates = [newIsolate(), newIsolate(), newIsolate()];
    const admitted = () => isolates.reduce((sum, isolate) => sum + isolate.admitted.length, 0);
    for (let i = 0; i < 150; i++) for (const { request } of isolates) request(ONE);
    await world.pass(500);
    expect(admitted()).toBeGreaterThanOrEqual(280);
    await world.pass(1_500);
    for (let i = 0; i < 50; i++) isolates[0]?.request(ONE);
    await world.pass(500);
    expect(admitted()).toBe(300);
  });

  it('lets most requests of a steady caller in without a hop, and none below 60 a minute', async () => {
    const { world, net, newIsolate } = newWorld({ requests: 6_000 });
    const { request, admitted } = newIsolate();
    let atOnce = 0;
    for (let i = 0; i < 1_000; i++) {
      if (request(ONE)) atOnce++;
      await world.pass(20);
    }
    await world.pass(100);
    expect(admitted.length).toBe(1_000);
    expect(atOnce).toBeGreaterThan(950);
    expect(net.asks).toBeLessThan(100);

    const slow = newWorld({ requests: 59 });
    const isolate = slow.newIsolate();
    for (let i = 0; i < 5; i++) {
      expect(isolate.request(ONE)).toBe(false);
      await slow.world.pass(100);
    }
    expect(slow.net.asks).toBe(5);
  });

  it('gives back what it does not use, so that others have it', async () => {
    const { world, newIsolate } = newWorld({ requests: 600 });
    const [idle, busy] = [newIsolate(), newIsolate()];
    for (let i = 0; i < 100; i++) idle.request(ONE);
    await world.pass(3_000);
    expect(idle.account.isIdle()).toBe(true);
    for (let i = 0; i < 600; i++) busy.request(ONE);
    await world.pass(500);
    expect(busy.admitted.length).toBe(500);
  });

  it('gives nothing back that may have left the window, where it would be free twice', async () => {
    const { world, newIsolate } = newWorld({ units: 100 });
    const { account, request, admitted, waitUntil } = newIsolate();
    const takenAt = world.time;
    request({ units: 100 });
    await world.pass(29_000);
    expect(account.giveBack({ units: 60 }, takenAt, waitUntil)).toBe(true);
    await world.pass(2_000);
    expect(account.giveBack({ units: 40 }, takenAt, waitUntil)).toBe(false);
    expect(account.giveBack({ units: -10 }, takenAt, waitUntil)).toBe(true);
    await world.pass(2_000);
    request({ units: 51 });
    request({ units: 50 });
    await world.pass(500);
    expect(admitted.length).toBe(2);
  });

  it('holds nothing any more once its lease has lapsed, though nobody was left to give it back', async () => {
    const { world, newIsolate } = newWorld({ requests: 600 });
    const { request, account } = newIsolate('open', { isStopped: true });
    for (let i = 0; i < 100; i++) request(ONE);
    await world.pass(1_000);
    expect(account.isIdle()).toBe(false);
    await world.pass(1_000);
    expect(account.isIdle()).toBe(true);
  });

  it('uses no lease that may have lapsed, when what should have told of it was stopped', async () => {
    const { world, newIsolate } = newWorld({ requests: 600 });
    const [first, second] = [newIsolate('open', { isStopped: true }), newIsolate()];
    for (let i = 0; i < 60; i++) first.request(ONE);
    await world.pass(2_100);
    for (let i = 0; i < 600; i++) second.request(ONE);
    await world.pass(200);
    expect(second.admitted.length).toBe(540);
    first.request(ONE);
    await world.pass(200);
    expect(first.refused.length).toBe(1);
  });

  it('puts what it has left together with what is free', async () => {
    const { world, newIsolate } = newWorld({ units: 1_000 });
    const { request, admitted } = newIsolate();
    request({ units: 100 });
    await world.pass(100);
    request({ units: 900 });
    await world.pass(100);
    expect(admitted.length).toBe(2);
  });

  it('lets a caller in who comes back when it was told to', async () => {
    const { world, newIsolate } = newWorld({ requests: 120, units: 1_000 });
    const { request, admitted, refused } = newIsolate();
    for (let i = 0; i < 130; i++) {
      request(ONE);
      await world.pass(100);
    }
    const told = refused.at(-1) as Error & { retryAfterSeconds: number };
    expect(admitted.length).toBe(120);
    await world.pass((told.retryAfterSeconds - 1) * 1_000 - 200);
    request(ONE);
    await world.pass(100);
    expect(admitted.length).toBe(120);
    await world.pass(1_100);
    request(ONE);
    await world.pass(100);
    expect(admitted.length).toBe(121);
    request({ units: 900 });
    await world.pass(5_000);
    request({ units: 300 });
    await world.pass(100);
    expect(refused.at(-1)).toMatchObject({ code: 'quota_exceeded', retryAfterSeconds: 55 });
    await world.pass(55_000);
    request({ units: 300 });
    await world.pass(100);
    expect(admitted.length).toBe(123);
    request({ units: 1_001 });
    await world.pass(100);
    expect(refused.at(-1)).toMatchObject({ code: 'larger_than_quota', retryAfterSeconds: undefined });
  });

  it('keeps a place as long as the request shows itself, and no longer', async () => {
    const { world, ledger, newIsolate } = newWorld({ concurrent: 2 });
    const [a, b] = [newIsolate(), newIsolate()];
    const places = [{ aliveAt: 0 }, { aliveAt: 0 }];
    for (const place of places) a.request({ concurrent: 1 }, place);
    await world.pass(100);
    const [kept, gone] = places as [{ aliveAt: number }, { aliveAt: number }];
    for (let second = 0; second < 2; second++) {
      await world.pass(1_000);
      for (const place of places) a.account.keep(place, a.waitUntil);
    }
    b.request({ concurrent: 1 });
    await world.pass(100);
    expect(b.refused).toMatchObject([{ code: 'quota_exceeded', retryAfterSeconds: 1 }]);
    // The request of the other place is cancelled: none of its code runs any more.
    for (let second = 0; second < 5; second++) {
      await world.pass(1_000);
      a.account.keep(kept, a.waitUntil);
    }
    expect(gone.aliveAt).toBeLessThan(kept.aliveAt);
    b.request({ concurrent: 1 }, { aliveAt: 0 });
    await world.pass(100);
    expect(b.admitted.length).toBe(1);
    a.account.leave(kept, a.waitUntil);
    await world.pass(100);
    a.request({ concurrent: 1 }, { aliveAt: 0 });
    await world.pass(100);
    expect(a.admitted.length).toBe(3);
    expect(ledger.state().sessions.length).toBeGreaterThan(0);
  });

  it('fails as it is told to while the ledger is away, waits for it once, and tells it afterwards', async () => {
    const { world, net, newIsolate } = newWorld({ requests: 30 });
    const [open, closed] = [newIsolate('open'), newIsolate('closed')];
    net.isMute = true;
    open.request(ONE);
    closed.request(ONE);
    await world.pass(2_100);
    expect(open.admitted.length).toBe(1);
    expect(closed.refused).toMatchObject([{ code: 'unavailable', retryAfterSeconds: 1 }]);
    expect(open.request(ONE)).toBe(true);
    net.isMute = false;
    net.isDown = true;
    await world.pass(2_000);
    for (let i = 0; i < 7; i++) expect(open.request(ONE)).toBe(true);
    net.isDown = false;
    await world.pass(2_100);
    const { request, admitted } = newIsolate();
    for (let i = 0; i < 30; i++) request(ONE);
    await world.pass(100);
    expect(admitted.length).toBe(21);
    closed.request(ONE);
    await world.pass(100);
    expect(closed.refused.at(-1)).toMatchObject({ code: 'quota_exceeded' });
  });

  it('is counted once, however its busy time ends and however long it is silent then', async () => {
    for (let endMs = 18_000; endMs <= 22_000; endMs += 100) {
      const { world, ledger, newIsolate } = newWorld({ requests: 6_000 });
      const { request, admitted } = newIsolate();
      const busyUntil = world.time + endMs;
      while (world.time < busyUntil) {
        request(ONE);
        await world.pass(50);
      }
      await world.pass(90_000);
      const before = admitted.length;
      request(ONE);
      await world.pass(3_000);
      const used = ledger.state().requests.reduce((sum, [, , amount]) => sum + amount, 0);
      expect({ endMs, used }).toEqual({ endMs, used: admitted.length - before });
    }
  });

  it('waits for nobody who is gone: another request asks itself', async () => {
    const { world, net, newIsolate } = newWorld({ requests: 30 });
    const { request, admitted } = newIsolate('closed');
    net.isMute = true;
    request(ONE);
    await world.pass(900);
    net.isMute = false;
    request(ONE);
    await world.pass(1_200);
    expect(admitted.length).toBe(2);
  });

  it('never lets in more than the limit in any minute, whatever comes when, however slow the way', async () => {
    const arrival = fc.record({
      isolate: fc.integer({ min: 0, max: 2 }),
      count: fc.integer({ min: 1, max: 30 }),
      waitMs: fc.constantFrom(0, 5, 100, 900, 1_600, 15_000),
      delayMs: fc.constantFrom(1, 30, 200),
      isNew: fc.boolean(),
    });
    const limit = fc.constantFrom(20, 60, 100, 300);
    const runs = fc.asyncProperty(limit, fc.array(arrival, { maxLength: 25 }), async (allowed, arrivals) => {
      const { world, net, newIsolate } = newWorld({ requests: allowed });
      const isolates = [newIsolate(), newIsolate(), newIsolate()];
      const all = [...isolates];
      for (const { isolate, count, waitMs, delayMs, isNew } of arrivals) {
        net.delayMs = delayMs;
        // Without anything left to tell, an isolate may end.
        if (isNew && isolates[isolate]?.account.isIdle()) {
          isolates[isolate] = newIsolate();
          all.push(isolates[isolate]);
        }
        for (let i = 0; i < count; i++) isolates[isolate]?.request(ONE);
        await world.pass(waitMs);
      }
      await world.pass(3_000);
      const times = all.flatMap(({ admitted }) => admitted).sort((a, b) => a - b);
      for (let i = allowed; i < times.length; i++) {
        expect((times[i] as number) - (times[i - allowed] as number)).toBeGreaterThanOrEqual(60_000);
      }
    });
    await fc.assert(runs, { numRuns: 60 });
  });
});
