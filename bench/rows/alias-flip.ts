/** Callers of an alias that is moved back and forth between two versions all the while. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeptonClient } from '@lepton-edge/client';
import type { Subject } from '../bench.ts';
import type { RoundResult } from '../load.ts';
import { createMatrix, matrixCall, publishMatrix, UNCACHED } from '../matrix-calls.ts';
import { inRounds } from '../row.ts';

const CALLERS = 8;
const FLIP_EVERY_MS = 100;
/** Callers see a moved alias within seconds: a round must have some. */
const ROUND_MS = 5_000;
/** workerd has stalls of more than 200 ms by itself. */
const SLOW_MS = 250;

export const aliasFlip: Subject = async (bench) => {
  const gateway = await bench.gateway('gateway');
  const client = gateway.client();
  await createMatrix(client, 'matrix', UNCACHED);
  await publishMatrix(client, 'matrix', { seed: 2, manifest: UNCACHED });
  await point(client, 1);
  const calls = [matrixCall('matrix@production', gateway.key)];
  const load = () =>
    bench.callers(gateway.url, {
      calls,
      callers: CALLERS,
      ms: ROUND_MS,
      mayFail: true,
      slowMs: SLOW_MS,
      marker: 'x-lepton-model: matrix@2',
    });
  const { flipped, still } = await inRounds(Math.ceil(bench.rounds / 2), {
    flipped: async () => {
      const round = new AbortController();
      const flips = flip(client, round.signal);
      const result = await load();
      round.abort();
      await flips;
      await point(client, 1);
      return result;
    },
    still: load,
  });
  const answered = flipped.map(({ answers }) => answers);
  const byOther = flipped.map(({ marked }) => marked);
  if (byOther.some((count, i) => count === 0 || count === answered[i])) {
    throw new Error(`expected answers of both versions in each round, of the second came ${byOther.join(', ')}`);
  }
  return [
    {
      id: 'alias-flip',
      what: `calls of ${CALLERS} callers that failed, or were slow (over ${SLOW_MS} ms) beyond as many as are without moves, while the alias moves ten times a second`,
      unit: 'requests',
      target: { atMost: 0 },
      ratios: [total(flipped, 'failed') + Math.max(0, total(flipped, 'slow') - total(still, 'slow'))],
      samples: {
        answers: answered,
        failed: flipped.map(({ failed }) => failed),
        slow: flipped.map(({ slow }) => slow),
        slowestMs: flipped.map(({ slowestMs }) => slowestMs),
        slowWithoutFlips: still.map(({ slow }) => slow),
        slowestMsWithoutFlips: still.map(({ slowestMs }) => slowestMs),
      },
    },
  ];
};

function total(rounds: readonly RoundResult[], figure: 'failed' | 'slow'): number {
  return rounds.reduce((sum, round) => sum + round[figure], 0);
}

async function flip(client: LeptonClient, until: AbortSignal): Promise<void> {
  for (let i = 1; !until.aborted; i++) {
    await point(client, 1 + (i % 2));
    await sleep(FLIP_EVERY_MS);
  }
}

async function point(client: LeptonClient, version: number): Promise<void> {
  await client.aliases.put('matrix', 'production', { targets: [{ version }], reason: 'measured' });
}
