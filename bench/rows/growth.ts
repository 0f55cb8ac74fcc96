/** What a hot call costs when the registry holds ten, a thousand and ten thousand models, and when one, a hundred and a thousand keys call. */
import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import type { Subject } from '../bench.ts';
import { addKeys, addModels } from '../filled-home.ts';
import { createMatrix, matrixCall } from '../matrix-calls.ts';
import type { Call } from '../raw-connection.ts';
import { inRounds, type Measured, over } from '../row.ts';

const MODELS = [10, 1_000, 10_000];
const KEYS = [1, 100, 1_000];
const TARGET = { atMost: 1.1 };

export const growth: Subject = async (bench) => {
  const template = await bench.gateway('template');
  const client = template.client();
  await createMatrix(client, 'matrix');
  await client.keys.create({ name: 'caller', team: 'default', scopes: ['infer'] });
  await template.stop();
  const keys = await addKeys(template.home, Math.max(...KEYS), 'caller');
  const gateways: { models: number; url: string }[] = [];
  for (const models of MODELS) {
    const name = `models-${models}`;
    await cp(template.home, join(bench.folder, name), { recursive: true });
    await addModels(join(bench.folder, name), models - 1, 'matrix');
    gateways.push({ models, url: (await bench.gateway(name)).url });
  }
  const p50 = (url: string, calls: readonly Call[]) => async () => {
    // A caller who was away for long is looked up again: not what is measured.
    await bench.callers(url, { calls, callers: 8 });
    return (await bench.callers(url, { calls, callers: 1, ms: bench.windowMs })).p50Ms;
  };
  const hot = [matrixCall('matrix', template.key)];
  const byModels = await inRounds(
    bench.rounds,
    Object.fromEntries(gateways.map(({ models, url }) => [models, p50(url, hot)])),
  );
  const { url = '' } = gateways[0] ?? {};
  const calls = keys.map((key) => matrixCall('matrix', key));
  const byKeys = await inRounds(
    bench.rounds,
    Object.fromEntries(KEYS.map((count) => [count, p50(url, calls.slice(0, count))])),
  );
  return [
    ...rowsOf(
      'models',
      byModels,
      (count) => `a hot call with ${count} models in the registry, p50 of that with ${MODELS[0]}`,
    ),
    ...rowsOf('keys', byKeys, (count) => `hot calls of ${count} keys in turn, p50 of that of one`),
  ];
};

function rowsOf(name: string, p50s: Record<string, number[]>, what: (count: string) => string): Measured[] {
  const [[least = '', base = []] = [], ...others] = Object.entries(p50s);
  return others.map(([count, values]) => ({
    id: `${name}-${count}`,
    what: what(Number(count).toLocaleString('en')),
    target: TARGET,
    ratios: over(values, base),
    samples: { [`p50Ms of ${count}`]: values, [`p50Ms of ${least}`]: base },
  }));
}
