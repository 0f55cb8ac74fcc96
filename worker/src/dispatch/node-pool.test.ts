import { LeptonError } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { NodePool, type PoolNode } from './node-pool.ts';

const ASKER = { team: 'one', size: 10 };

function setup(...ids: string[]) {
  const world = { now: 100_000 };
  const pool = new NodePool<PoolNode>(() => world.now);
  const report = (requestMs?: number, changes: Partial<PoolNode['heartbeat']> = {}) =>
    pool.see(
      ids.map((id) => {
        const recent = requestMs === undefined ? {} : { recent: { requestMs, meanMs: 20 } };
        const loaded = [{ model: 'm', version: 1, digest: 'v', ...recent }];
        return { id, region: null, heardAt: world.now, heartbeat: { inFlight: 0, queued: 0, loaded, ...changes } };
      }),
    );
  return { world, report };
}

describe('how soon a node would answer', () => {
  it('is the network, the work and what waits, as it reports them', () => {
    const { world, report } = setup('a');
    const at = (changes: Partial<PoolNode['heartbeat']>, requestMs?: number) =>
      report(requestMs, changes).candidates('v')[0]?.expectedMs(world.now, 7);
    expect(at({}, 20)).toBe(25);
    expect(at({ inFlight: 2, queued: 1 }, 20)).toBe(85);
    expect(at({ inFlight: 3 })).toBe(33);
    expect(at({ loaded: [] })).toBe(2_000);
  });

  it('follows one slow answer at once, and forgets it slowly', () => {
    const { world, report } = setup('a');
    const [a] = report(10).candidates('v');
    const call = a?.begin(ASKER, world.now, undefined);
    world.now += 500;
    expect(call?.answered()).toBe(500);
    expect(a?.expectedMs(world.now, undefined)).toBe(500);
    world.now += 10_000;
    expect(a?.expectedMs(world.now, undefined)).toBeCloseTo(500 / Math.E);
    world.now += 100_000;
    expect(a?.expectedMs(world.now, undefined)).toBe(15);
  });

  it('grows while calls get no answer, before there is any', () => {
    const { world, report } = setup('a');
    const [a] = report(10).candidates('v');
    const calls = [a?.begin(ASKER, world.now, undefined), a?.begin(ASKER, world.now, undefined)];
    world.now += 300;
    expect(a?.expectedMs(world.now, undefined)).toBe(320);
    calls[1]?.answered();
    expect(a?.expectedMs(world.now, undefined)).toBe(300);
    calls[0]?.abandoned();
    expect(a?.pending(world.now)).toBe(0);
  });

  it('is no load more while the first call loads it, and what that took is not held against the node', () => {
    const { world, report } = setup('a', 'b');
    const [a, b] = report(undefined, { loaded: [] }).candidates('v');
    const calls = Array.from({ length: 20 }, () => a?.begin(ASKER, world.now, 10));
    world.now += 500;
    expect(a?.expectedMs(world.now, 10)).toBe(1_500);
    expect(b?.expectedMs(world.now, 10)).toBe(2_000);
    world.now += 1_000;
    for (const call of calls) call?.answered();
    expect([a?.has(), a?.expectedMs(world.now, 10)]).toEqual([true, 15]);
  });
});

describe('a node that fails', () => {
  it('is left alone, then tried by one call at a time, and for longer each time', () => {
    const { world, report } = setup('a');
    const [a] = report().candidates('v');
    const [first, second] = [a?.begin(ASKER, world.now, undefined), a?.begin(ASKER, world.now, undefined)];
    first?.failed('silent');
    second?.failed('silent');
    expect([a?.isHealthy(world.now), a?.silentMs(world.now)]).toEqual([false, 0]);
    world.now += 3_001;
    expect(a?.isHealthy(world.now)).toBe(true);
    const probe = a?.begin(ASKER, world.now, undefined);
    expect(a?.isHealthy(world.now)).toBe(false);
    probe?.failed('sick');
    world.now += 3_001;
    expect([a?.isHealthy(world.now), a?.silentMs(world.now)]).toEqual([false, undefined]);
    world.now += 3_000;
    expect(a?.isHealthy(world.now)).toBe(true);
    a?.begin(ASKER, world.now, undefined).answered();
    expect(a?.isHealthy(world.now)).toBe(true);
  });

  it('is another one after it was started again', () => {
    const { world, report } = setup('a');
    report().candidates('v')[0]?.begin(ASKER, world.now, undefined).failed('silent');
    expect(report().candidates('v')[0]?.isHealthy(world.now)).toBe(false);
    expect(report(undefined, { instance: '2' }).candidates('v')[0]?.isHealthy(world.now)).toBe(true);
  });

  it('does not become a slow one, and one that does not work is passed over for a moment', () => {
    const { world, report } = setup('a');
    const [a] = report().candidates('v');
    const call = a?.begin(ASKER, world.now, undefined);
    world.now += 1_000;
    call?.failed('away');
    expect([a?.isHealthy(world.now), a?.isFull(ASKER, world.now), a?.expectedMs(world.now, 1)]).toEqual([
      true,
      true,
      6,
    ]);
    world.now += 250;
    expect(a?.isFull(ASKER, world.now)).toBe(false);
  });
});

describe('a node that has no room', () => {
  const error = new LeptonError('overloaded', 'full', { retryAfterSeconds: 3 });
  /** It has said so to the third of three calls. */
  const fill = () => {
    const { world, report } = setup('a');
    const [a] = report().candidates('v');
    const begin = (team = 'one', size = 10) => a?.begin({ team, size }, world.now, undefined);
    const calls = [begin(), begin()];
    begin()?.full(error);
    return { world, begin, calls, says: (team = 'one', size = 10) => a?.refusal({ team, size }, world.now) };
  };

  it('is not asked by that team until one of its calls has ended, or a moment has passed', () => {
    const { begin, calls, says } = fill();
    expect([says(), says('other')]).toEqual([error, undefined]);
    calls[0]?.answered();
    begin('other');
    expect(says()).toBeUndefined();
    const filled = fill();
    filled.world.now += 250;
    expect(filled.says()).toBeUndefined();
  });

  it('is asked again after that moment also where it went on saying so', () => {
    const { world, begin, calls, says } = fill();
    world.now += 200;
    calls[0]?.answered();
    begin()?.full(error);
    expect(says()).toBe(error);
    world.now += 50;
    expect(says()).toBeUndefined();
  });

  it('is asked for a shorter body than it had no room for', () => {
    const { begin, says } = fill();
    expect([says('one', 9), says('one', 11)]).toEqual([undefined, error]);
    begin('one', 5)?.full(error);
    expect([says('one', 4), says('one', 5)]).toEqual([undefined, error]);
  });

  it('is asked where none of the team’s calls is there: others may go at any time', () => {
    const { calls, says } = fill();
    for (const call of calls) call?.answered();
    expect(says()).toBeUndefined();
  });
});

it('orders nodes alike everywhere, and versions spread over them', () => {
  const ids = Array.from({ length: 4 }, (_, i) => `node_01KB0000000000000000000${i}`);
  const [one, other] = [setup(...ids).report(), setup(...ids.toReversed()).report()];
  const firsts = Array.from({ length: 200 }, (_, i) => {
    const order = one.candidates(`sha256:${i}`).map(({ node }) => node.id);
    expect(other.candidates(`sha256:${i}`).map(({ node }) => node.id)).toEqual(order);
    return order[0];
  });
  for (const id of ids) expect(firsts.filter((first) => first === id).length).toBeGreaterThan(25);
});
