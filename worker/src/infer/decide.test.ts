import { setImmediate as turn } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import type { Gateway } from '../context.ts';
import { createFleet } from '../hubs/fleet.ts';
import { decide, decideAtOnce } from './decide.ts';

/** Asks where a version would run while the hub answers nobody. */
async function decideWithoutHub(edgeEligible: boolean) {
  const recent = async () => {
    throw new Error('the hub is overloaded');
  };
  const fleet = createFleet({ get: () => ({ recent }), idFromName: () => 'fleet' } as never);
  const gateway = {
    fleet,
    edge: { unavailableFor: () => undefined, waitMs: () => 0, has: () => true },
    now: () => 0,
  } as unknown as Gateway;
  const version = { digest: 'v', edgeEligible, manifest: { placement: { policy: 'auto' } } };
  const target = { model: { id: 'm' }, version } as never;
  const request = {
    target,
    asker: { team: 'team', size: 1 },
    asked: undefined,
    edgeRunMs: 1,
    leftMs: Number.POSITIVE_INFINITY,
  };
  return await decide(gateway, request, () => undefined);
}

describe('a hub that cannot be asked', () => {
  it('keeps nothing from the edge', async () => {
    expect(await decideWithoutHub(true)).toMatchObject({ decision: { kind: 'edge' }, isHubAway: false });
  });

  it('is why there is no placement on a node', async () => {
    const refused = decideWithoutHub(false);
    await expect(refused).rejects.toMatchObject({
      code: 'no_placement',
      retryAfterSeconds: 2,
      cause: Error('the hub is overloaded'),
    });
  });
});

describe('what the edge may run', () => {
  /** What is decided without waiting, and how often the hub was asked, which never answers. */
  async function decideNow(runMs: number, queuedMs = 0) {
    let asked = 0;
    const recent = () => {
      asked += 1;
      return new Promise(() => undefined);
    };
    const fleet = createFleet({ get: () => ({ recent }), idFromName: () => 'fleet' } as never, () => 0);
    const gateway = {
      fleet,
      edge: { unavailableFor: () => undefined, waitMs: () => queuedMs, has: () => true },
    } as never;
    const version = { digest: 'v', edgeEligible: true, manifest: { placement: { policy: 'auto' } } };
    const target = { model: { id: 'm' }, version } as never;
    const request = {
      target,
      asker: { team: 'team', size: 1 },
      asked: undefined,
      edgeRunMs: runMs,
      leftMs: Number.POSITIVE_INFINITY,
    };
    const decided = decideAtOnce(gateway, request, () => undefined);
    await turn();
    return [decided?.decision.kind, asked];
  }

  it('waits for nobody, and asks nobody while it has little to do', async () => {
    expect(await decideNow(5)).toEqual(['edge', 0]);
    expect(await decideNow(5, 40)).toEqual(['edge', 0]);
    expect(await decideNow(5, 100)).toEqual(['edge', 1]);
    expect(await decideNow(5, 2_000)).toEqual([undefined, 1]);
  });
});

it('what finds too much before it at the edge is told so at once, also where a node may come back', async () => {
  const heartbeat = { state: 'ready', loaded: [], inFlight: 0, queued: 0 };
  const recent = async () => [{ id: 'n', region: null, drained: false, heartbeat, silentMs: 0 }];
  const fleet = createFleet({ get: () => ({ recent }), idFromName: () => 'fleet' } as never, () => 0);
  const edge = { unavailableFor: () => undefined, waitMs: () => 5_000, has: () => true };
  const gateway = { fleet, edge, now: () => 0 } as never;
  const version = { digest: 'v', edgeEligible: true, manifest: { placement: { policy: 'auto' } } };
  const target = { model: { id: 'm' }, version } as never;
  const view = await fleet.view(() => undefined);
  view.candidates('v')[0]?.begin({ team: 't', size: 1 }, 0, 1).failed('silent');
  const decided = decideAtOnce(
    gateway,
    { target, asker: { team: 'team', size: 1 }, asked: undefined, edgeRunMs: 1, leftMs: 100 },
    () => undefined,
  );
  expect(decided).toMatchObject({ decision: { kind: 'refused', code: 'overloaded' }, awaited: false });
});
