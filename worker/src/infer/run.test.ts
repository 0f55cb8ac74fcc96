import { LeptonError } from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { createFleet } from '../hubs/fleet.ts';
import { run } from './run.ts';
import { Timings } from './timings.ts';
import { Tracing } from './tracing.ts';

/** Runs something that may run at the edge, which takes so long, or on the one node, which answers with an error of this status. */
async function runOnce(edge: 'full' | 'free', edgeRunMs: number, status: number, asked?: 'edge' | 'node') {
  const ways: string[] = [];
  const loaded = [{ model: 'm', version: 1, digest: 'v' }];
  const heartbeat = { state: 'ready', url: 'http://node', loaded, inFlight: 0, queued: 0 };
  const hub = { recent: async () => [{ id: 'n', name: 'n', region: null, drained: false, heartbeat, silentMs: 0 }] };
  const gateway = {
    fleet: createFleet({ get: () => hub, idFromName: () => 'fleet' } as never, () => 0),
    edge: {
      unavailableFor: () => undefined,
      waitMs: () => 0,
      has: () => true,
      run: async () => {
        ways.push('edge');
        if (edge === 'full') throw new LeptonError('no_placement', 'the edge has no room');
        return { outputs: [] };
      },
    },
    signer: { callToken: async () => 't', grantToken: async () => 'g' },
    fetch: async () => {
      ways.push('node');
      return Response.json({ error: 'as it is', code: status === 429 ? 'overloaded' : 'invalid_tensor' }, { status });
    },
    bodies: { isAlone: true },
    metrics: { count: () => undefined },
    random: () => 0,
    now: () => 0,
  } as never;
  const edgeTried = { runMs: edgeRunMs, loadMs: 0, perItemMs: {}, elements: 1, growth: undefined, branches: false };
  const manifest = { placement: { policy: 'auto' }, inputs: [] };
  const version = { model: 'm', version: 1, digest: 'v', edgeEligible: true, edgeTried, manifest };
  const schedule = { tenant: 't', priority: undefined, deadline: undefined };
  const tracing = new Tracing('r', new Headers());
  const input = { target: { model: { id: 'm' }, version }, inputs: [], outputs: ['y'], asked, schedule, tracing };
  await (gateway as { fleet: ReturnType<typeof createFleet> }).fleet.view(() => undefined);
  const ended = await run(gateway, input as never, new Timings(), () => undefined).then(
    ({ placement }) => placement,
    ({ code }) => code,
  );
  return [...ways, ended];
}

it('what finds the edge full goes to a node, unless the edge was asked for', async () => {
  expect(await runOnce('full', 1, 400)).toEqual(['edge', 'node', 'invalid_tensor']);
  expect(await runOnce('full', 1, 400, 'edge')).toEqual(['edge', 'no_placement']);
  expect(await runOnce('full', 1, 429)).toEqual(['edge', 'node', 'overloaded']);
});

it('what finds the nodes full goes to the edge, unless a node was asked for', async () => {
  expect(await runOnce('free', 500, 429)).toEqual(['node', 'edge', 'edge']);
  expect(await runOnce('free', 500, 429, 'node')).toEqual(['node', 'overloaded']);
  expect(await runOnce('full', 500, 429)).toEqual(['node', 'edge', 'no_placement']);
});
