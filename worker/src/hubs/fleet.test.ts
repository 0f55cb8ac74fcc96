import { describe, expect, it } from 'vitest';
import { createFleet, type FleetCandidate } from './fleet.ts';
import type { ListedNode } from './live-node.ts';
import { Roster } from './roster.ts';

const ASKER = { team: 'one', size: 10 };
const waitUntil = () => undefined;

/** A fleet of one node that reports when told to, and its hub. */
function setup() {
  const world = { now: 1_000_000 };
  const clock = () => world.now;
  const roster = new Roster([], clock);
  const hub = { recent: async (): Promise<ListedNode[]> => roster.recent() };
  const fleet = createFleet({ idFromName: () => 'fleet', get: () => hub } as never, clock);
  const report = (state: 'ready' | 'stopped' = 'ready') => {
    const heartbeat = { url: 'http://a', instance: '1', state, loaded: [], inFlight: 0, queued: 0 };
    roster.heartbeat({ id: 'a', name: 'a', issuer: 'i', region: null, drained: false }, heartbeat as never);
  };
  const candidates = async () => (await fleet.view(waitUntil)).candidates('v');
  const hears = async () => (await fleet.view(waitUntil)).hears('a');
  /** Passes by seconds, and looks at the fleet as a gateway at work does. */
  const pass = async (ms: number, each: (candidate: FleetCandidate | undefined) => void = () => undefined) => {
    for (const end = world.now + ms; world.now < end; ) {
      world.now += Math.min(1_000, end - world.now);
      each((await candidates())[0]);
      // What was read is taken at the next look.
      await candidates();
    }
  };
  return { roster, report, candidates, hears, pass };
}

const answered = (candidate: FleetCandidate | undefined) => candidate?.begin(ASKER, 0, undefined).answered();

describe('a node whose reports do not come', () => {
  it('is lost where it answers nothing', async () => {
    const { report, candidates, hears, pass } = setup();
    report();
    expect(await candidates()).toHaveLength(1);
    await pass(5_000);
    expect(await hears()).toBe(true);
    await pass(3_000);
    expect([await candidates(), await hears()]).toEqual([[], false]);
  });

  it('is there while it answers calls, and no longer, nor for ever', async () => {
    const { report, hears, pass } = setup();
    report();
    await pass(30_000, answered);
    expect(await hears()).toBe(true);
    await pass(6_000);
    expect(await hears()).toBe(false);
    report();
    await pass(62_000, answered);
    expect(await hears()).toBe(false);
  });

  it('is gone when it said so, or was removed, whatever it answered', async () => {
    const { report, roster, hears, pass } = setup();
    report();
    await pass(3_000, answered);
    report('stopped');
    await pass(2_000, answered);
    expect(await hears()).toBe(false);
    report();
    await pass(3_000, answered);
    expect(await hears()).toBe(true);
    roster.forget('a');
    await pass(2_000, answered);
    expect(await hears()).toBe(false);
  });
});
