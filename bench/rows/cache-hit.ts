/** A cache hit in the isolate, against the least that a cached inference can be on the same workerd. */
import type { Subject } from '../bench.ts';
import { createMatrix, matrixCall } from '../matrix-calls.ts';
import { callersNamed, inRounds, type Measured, over } from '../row.ts';
import { floorOf } from '../worker-servers.ts';

const CALLERS = [1, 32];
const TARGET = 0.75;

export const cacheHit: Subject = async (bench) => {
  const gateway = await bench.gateway('gateway');
  await createMatrix(gateway.client(), 'matrix');
  const floor = await floorOf(bench);
  const call = matrixCall('matrix', gateway.key);
  const floorCall = { ...call, path: '/map', headers: {} };
  await requireHits(gateway.url, call);
  const rows: Measured[] = [];
  for (const callers of CALLERS) {
    const { ours, theirs } = await inRounds(bench.rounds, {
      ours: () => bench.http.perSecond(gateway.url, call, callers, bench.windowMs),
      theirs: () => bench.http.perSecond(floor.url, floorCall, callers, bench.windowMs),
    });
    rows.push({
      id: `cache-hit-${callers}`,
      what: `cache hit in the isolate (L1), requests/s of the floor's, ${callersNamed(callers)}`,
      target: { atLeast: TARGET },
      ratios: over(ours, theirs),
      samples: { gatewayPerSecond: ours, floorPerSecond: theirs },
    });
  }
  return rows;
};

/** Sends it until it is answered from the cache. */
async function requireHits(url: string, { path, headers, body }: ReturnType<typeof matrixCall>): Promise<void> {
  const cache = async () => {
    const response = await fetch(url + path, { method: 'POST', headers, body: body as string });
    await response.arrayBuffer();
    return response.headers.get('x-lepton-cache');
  };
  await cache();
  const status = await cache();
  if (status !== 'hit') throw new Error(`expected a cache hit at the second call, got ${status}`);
}
