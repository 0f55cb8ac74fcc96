import type { Heartbeat, HeartbeatAnswer } from '@lepton-edge/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { GatewayRefusal, GatewayUnreachable } from './gateway-client.ts';
import { GatewayClock } from './gateway-clock.ts';
import { Membership, type MembershipChange } from './membership.ts';

const stored = { gateway: 'http://gateway', id: 'node_1', credential: 'c1', issuer: 'http://gateway' };

/** A member with a stored credential, whose gateway answers reports as told. */
function newMember(answer: (beat: Heartbeat, credential: string) => Promise<Partial<HeartbeatAnswer>>) {
  const shown: string[] = [];
  const changes: MembershipChange[] = [];
  const written: string[] = [];
  const faults = { write: false };
  const membership = new Membership({
    gateway: {
      url: stored.gateway,
      heartbeat: async (_id: string, credential: string, beat: Heartbeat) => {
        shown.push(credential);
        return await answer(beat, credential);
      },
      nextCredential: async () => 'c2',
    } as never,
    store: {
      read: async () => ({ ...stored, credential: written.at(-1) ?? 'c1' }),
      write: async ({ credential }: { credential: string }) => {
        if (faults.write) throw new Error('the disk is full');
        written.push(credential);
      },
      forget: async () => undefined,
    } as never,
    self: {} as never,
    clock: new GatewayClock(),
    token: async () => undefined,
    report: () => ({}) as never,
    onChange: (change) => changes.push(change),
    random: () => 1,
  });
  return { membership, shown, changes, written, faults };
}

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe('the end of a membership', () => {
  it('is told behind the report under way, which would undo it', async () => {
    const arrived: string[] = [];
    const { membership } = newMember(async ({ state }) => {
      if (state === 'ready') await new Promise((resolve) => setTimeout(resolve, 20));
      arrived.push(state);
      return {};
    });
    const loop = membership.run();
    await vi.advanceTimersByTimeAsync(1);
    const left = membership.leave();
    await vi.advanceTimersByTimeAsync(100);
    await Promise.all([left, loop]);
    expect(arrived).toEqual(['ready', 'stopped']);
  });

  it('begins with reports that it is leaving, for as long as it takes', async () => {
    const arrived: string[] = [];
    const { membership } = newMember(async ({ state }) => {
      arrived.push(state);
      return state === 'draining' ? { handoverMs: 7 } : {};
    });
    void membership.run();
    await vi.advanceTimersByTimeAsync(1);
    expect(await membership.drain()).toBe(7);
    await vi.advanceTimersByTimeAsync(4_000);
    await membership.leave();
    expect(arrived).toEqual(['ready', 'draining', 'draining', 'draining', 'stopped']);
  });
});

describe('a node that is removed while it leaves', () => {
  it('finishes what it has, and joins no more', async () => {
    const { membership, shown } = newMember(async ({ state }) => {
      if (state === 'draining' && shown.length > 2) throw new GatewayRefusal(404, 'no such node', 'node_not_found');
      return { handoverMs: 7 };
    });
    const loop = membership.run();
    await vi.advanceTimersByTimeAsync(1);
    expect(await membership.drain()).toBe(7);
    await vi.advanceTimersByTimeAsync(20_000);
    await expect(loop).resolves.toBeUndefined();
    await membership.leave();
  });
});

describe('a gateway that is away for an hour', () => {
  it('is asked seldom, spoken of once, and found again', async () => {
    let away = true;
    const { membership, shown, changes } = newMember(async () => {
      if (away) throw new GatewayUnreachable(shown.length % 2 ? 'ECONNREFUSED' : 'timeout');
      return {};
    });
    void membership.run();
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(shown.length).toBeLessThan(400);
    expect(changes).toEqual([{ state: 'waiting', reason: expect.any(String) }]);
    away = false;
    await vi.advanceTimersByTimeAsync(10_000);
    expect(changes.at(-1)).toMatchObject({ state: 'joined' });
    await membership.leave();
  });
});

describe('a credential that is to be replaced', () => {
  const untilUsed = async (_beat: Heartbeat, credential: string) => ({ rotate: credential === 'c1' });

  it('is stored first, and the new one used at once', async () => {
    const { membership, shown, written, changes } = newMember(untilUsed);
    void membership.run();
    await vi.advanceTimersByTimeAsync(100);
    expect([shown, written]).toEqual([['c1', 'c2'], ['c2']]);
    expect(changes.map(({ state }) => state)).toEqual(['joined', 'rotated']);
    await membership.leave();
  });

  it('is kept while the new one cannot be stored, which is tried again after minutes', async () => {
    const { membership, shown, faults, changes } = newMember(untilUsed);
    faults.write = true;
    void membership.run();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(new Set(shown)).toEqual(new Set(['c1']));
    const failures = changes.filter(({ state }) => state === 'rotation failed');
    expect(failures).toEqual([{ state: 'rotation failed', reason: 'the disk is full' }]);
    faults.write = false;
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(shown.at(-1)).toBe('c2');
    await membership.leave();
  });
});

describe('a credential that counts no more', () => {
  it('is no reason to join again while the home has another', async () => {
    const { membership, shown, written } = newMember(async (_beat, credential) => {
      if (credential === 'c1' && shown.length > 1) throw new GatewayRefusal(401, 'not known here', 'unauthenticated');
      return {};
    });
    void membership.run();
    await vi.advanceTimersByTimeAsync(100);
    written.push('c3');
    await vi.advanceTimersByTimeAsync(2_100);
    expect(shown).toEqual(['c1', 'c1', 'c3']);
    await membership.leave();
  });
});

describe('what is answered in the place of a gateway', () => {
  it.each([401, 403, 404])('costs no credential (%i)', async (status) => {
    const { membership, shown, changes } = newMember(async () => {
      if (shown.length === 2) throw new GatewayRefusal(status, 'default backend');
      return {};
    });
    const loop = membership.run();
    await vi.advanceTimersByTimeAsync(10_000);
    expect(shown.length).toBeGreaterThan(3);
    expect(changes.map(({ state }) => state)).toEqual(['joined', 'waiting', 'joined']);
    await membership.leave();
    await loop;
  });
});

describe('what the gateway finds strange', () => {
  it('is told once', async () => {
    const { membership, changes } = newMember(async () => ({
      duplicate: { url: 'http://other', newer: true },
      receivedAt: new Date(Date.now() - 60_000).toISOString(),
    }));
    void membership.run();
    await vi.advanceTimersByTimeAsync(20_000);
    expect(changes).toMatchObject([
      {
        state: 'joined',
        duplicate: { url: 'http://other', newer: true },
        clock: expect.stringContaining('60 s ahead'),
      },
    ]);
    await membership.leave();
  });
});
