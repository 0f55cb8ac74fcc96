/** A hit in the Cache API of what an isolate does not know (any more), against the least such an answer can take. */
import type { ManifestInput } from '@lepton-edge/protocol';
import type { Bench, Subject } from '../bench.ts';
import type { RoundResult } from '../load.ts';
import { createMatrix, matrixCall } from '../matrix-calls.ts';
import type { Call } from '../raw-connection.ts';
import { callersNamed, inRounds, less, type Measured, over } from '../row.ts';
import { floorOf } from '../worker-servers.ts';

const CALLERS = [1, 32];
const CALLS = 1_000;
/** What is cheap to compute at the edge is not asked for. */
const ON_NODE: ManifestInput = { placement: { policy: 'node' } };
const HIT = 'x-lepton-cache: hit';

/** An isolate that is new knows no answers, and Miniflare's Cache API keeps them: so the gateway starts anew in each round. */
export const cacheL2: Subject = async (bench) => {
  const gateway = await bench.gateway('gateway', { nodes: 1, vars: { COLO_CACHE: 'true' } });
  await createMatrix(gateway.client(), 'matrix', ON_NODE);
  const floor = await floorOf(bench);
  const rows: Measured[] = [];
  for (const [i, callers] of CALLERS.entries()) {
    const calls = Array.from({ length: CALLS }, (_, k) => matrixCall('matrix', gateway.key, 1 + i * CALLS + k));
    const floorCalls = calls.map((call) => ({ ...call, path: '/colo', headers: {} }));
    await once(bench, gateway.url, calls, callers);
    await once(bench, floor.url, floorCalls, callers);
    const { ours, theirs } = await inRounds(bench.rounds, {
      ours: async () => {
        await gateway.stop();
        await gateway.start();
        // Of another input: who calls and what, the isolate knows as after its first request.
        await once(bench, gateway.url, [matrixCall('matrix', gateway.key, 0.5)], 1);
        return await once(bench, gateway.url, calls, callers);
      },
      theirs: () => once(bench, floor.url, floorCalls, callers),
    });
    const hits = ours.map(({ marked }) => marked / CALLS);
    const [p50, floorP50] = [ours.map(({ p50Ms }) => p50Ms), theirs.map(({ p50Ms }) => p50Ms)];
    const [rate, floorRate] = [ours.map((r) => r.perSecond), theirs.map((r) => r.perSecond)];
    const who = callersNamed(callers);
    rows.push(
      {
        id: `cache-l2-${callers}`,
        what: `hit in the Cache API (L2), requests/s of the floor's, ${who}`,
        target: { atLeast: 0.5 },
        // What was computed again is no hit, however fast.
        ratios: over(rate, floorRate).map((ratio, round) => (hits[round] === 1 ? ratio : 0)),
        samples: { gatewayPerSecond: rate, floorPerSecond: floorRate, shareOfHits: hits },
      },
      {
        id: `cache-l2-${callers}-added`,
        what: `the same, added at p50, ${who}`,
        unit: 'ms',
        target: undefined,
        ratios: less(p50, floorP50),
        samples: { gatewayP50Ms: p50, floorP50Ms: floorP50 },
      },
    );
  }
  return rows;
};

async function once(bench: Bench, url: string, calls: readonly Call[], callers: number): Promise<RoundResult> {
  return await bench.callers(url, { calls, callers, marker: HIT });
}
