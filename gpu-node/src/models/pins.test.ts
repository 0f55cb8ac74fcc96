import type { PinReport } from '@lepton-edge/protocol';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { NoRoom } from './evictions.ts';
import type { Lease } from './lifecycle.ts';
import { Pins } from './pins.ts';
import type { VersionTarget } from './version-source.ts';

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const wants = (version: number, reference = 'm@production') => ({
  reference,
  target: { model: 'm', version, digest: `m${version}` },
});

/** Models that are loaded when the test says so; `pinned` are those that are kept. */
function setup() {
  const loads: (PromiseWithResolvers<void> & { target: VersionTarget })[] = [];
  const pinned: string[] = [];
  const loaded = new Set<string>();
  const told: PinReport[] = [];
  const faults = { lost: false };
  const models = {
    async load(target: VersionTarget) {
      const load = { ...Promise.withResolvers<void>(), target };
      loads.push(load);
      await load.promise;
      if (!faults.lost) loaded.add(target.digest);
      return { release: () => undefined } as Lease;
    },
    pin(digest: string) {
      pinned.push(digest);
      return () => void pinned.splice(pinned.indexOf(digest), 1);
    },
    stateOf: (digest: string) => (loaded.has(digest) ? ('ready' as const) : undefined),
  };
  const pins = new Pins({ references: ['m@production'], models, onChange: (report) => told.push(report) });
  const settle = async (load: number, error?: Error) => {
    if (error) loads[load]?.reject(error);
    else loads[load]?.resolve();
    await vi.advanceTimersByTimeAsync(0);
  };
  return { pins, loads, loaded, pinned, told, faults, settle };
}

describe('pins', () => {
  it('want nothing more once they are closed', async () => {
    const { pins, loads, pinned, settle } = setup();
    void pins.want([wants(1)], []);
    await settle(0);
    pins.close();
    // The answer to a report that was under way.
    void pins.want([wants(1), wants(2)], []);
    expect([loads.length, pinned, pins.report()]).toEqual([1, [], []]);
  });

  it('load again what was lost before it could be kept', async () => {
    const { pins, pinned, faults, settle } = setup();
    faults.lost = true;
    void pins.want([wants(1)], []);
    await settle(0);
    expect(pins.report()).toMatchObject([{ state: 'failed' }]);
    faults.lost = false;
    await vi.advanceTimersByTimeAsync(1_000);
    await settle(1);
    expect([pinned, pins.report()]).toMatchObject([['m1'], [{ state: 'ready' }]]);
  });

  it('keep the old version until the new one is ready', async () => {
    const { pins, pinned, settle } = setup();
    expect(pins.report()).toMatchObject([{ reference: 'm@production', state: 'unresolved' }]);
    void pins.want([wants(1)], []);
    expect(pins.report()).toEqual([{ reference: 'm@production', version: 1, state: 'wanted' }]);
    await settle(0);
    void pins.want([wants(2)], []);
    expect([pinned, pins.report().length]).toEqual([['m1'], 2]);
    await settle(1);
    expect(pinned).toEqual(['m2']);
    expect(pins.report()).toEqual([{ reference: 'm@production', version: 2, state: 'ready' }]);
  });

  it('keep every version of a traffic split', async () => {
    const { pins, pinned, settle } = setup();
    void pins.want([wants(1), wants(2)], []);
    await settle(0);
    await settle(1);
    expect(pinned).toEqual(['m1', 'm2']);
    void pins.want([wants(2)], []);
    expect(pinned).toEqual(['m2']);
  });

  it('try again what failed, later each time, and say why and when', async () => {
    const { pins, loads, settle } = setup();
    void pins.want([wants(1)], []);
    await settle(0, new Error('the gateway is away'));
    const nextTryAt = new Date(Date.now() + 1_000).toISOString();
    const failed = { reference: 'm@production', version: 1, state: 'failed', reason: 'the gateway is away', nextTryAt };
    expect(pins.report()).toEqual([failed]);
    await vi.advanceTimersByTimeAsync(1_000);
    await settle(1, new Error('still'));
    await vi.advanceTimersByTimeAsync(1_999);
    expect(loads).toHaveLength(2);
    // The right to fetch it has been renewed meanwhile.
    void pins.want([{ ...wants(1), target: { ...wants(1).target, grant: 'new' } }], []);
    await vi.advanceTimersByTimeAsync(1);
    expect(loads[2]?.target.grant).toBe('new');
    await settle(2);
    expect(pins.report()).toMatchObject([{ state: 'ready' }]);
  });

  it('load at once what its engine lost, and later what is lost again', async () => {
    const { pins, loads, settle, told } = setup();
    void pins.want([wants(1)], []);
    await settle(0);
    const lost = { state: 'lost', label: 'm@1', digest: 'm1' } as const;
    pins.note(lost);
    await settle(1);
    pins.note(lost);
    expect(loads).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(2_000);
    await settle(2);
    expect(told.map(({ state }) => state)).toEqual(['ready', 'ready', 'failed', 'ready']);
  });

  it('give the old version up where both do not fit', async () => {
    const { pins, pinned, loads, settle } = setup();
    void pins.want([wants(1)], []);
    await settle(0);
    void pins.want([wants(2)], []);
    await settle(1, new NoRoom('m@2'));
    expect([pinned, loads.length]).toEqual([[], 3]);
    await settle(2);
    expect(pinned).toEqual(['m2']);
  });

  it('keep what runs while its reference stands for nothing, unless it was unloaded', async () => {
    const { pins, pinned, loaded, settle, told } = setup();
    void pins.want([wants(1)], []);
    await settle(0);
    const unresolved = { reference: 'm@production', reason: 'the registry cannot be reached' };
    for (let beat = 0; beat < 3; beat++) void pins.want([], [unresolved]);
    expect(pinned).toEqual(['m1']);
    expect(told.slice(1)).toEqual([{ ...unresolved, state: 'unresolved' }]);
    loaded.delete('m1');
    void pins.want([], [unresolved]);
    expect(pinned).toEqual([]);
  });

  it('bring what was unloaded by request back when it is wanted again, and not before', async () => {
    const { pins, loads, settle } = setup();
    void pins.want([wants(1)], []);
    await settle(0);
    pins.note({ state: 'unloaded', label: 'm@1', digest: 'm1' });
    await vi.advanceTimersByTimeAsync(60_000);
    expect(loads).toHaveLength(1);
    void pins.want([wants(1)], []);
    await settle(1);
    expect(pins.report()).toMatchObject([{ state: 'ready' }]);
  });
});
