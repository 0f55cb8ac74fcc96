/** The gateway asked for five times what it can do, at a fixed rate and by callers that heed no refusal: at the edge, and on a node. */
import type { ManifestInput } from '@lepton-edge/protocol';
import { useLite } from '../../examples/use-lite/index.ts';
import { matrixInput, matrixModel } from '../../soak/support/matrix-model.ts';
import type { Bench, Subject } from '../bench.ts';
import { separate } from '../cores.ts';
import { type Workload, workloadNamed } from '../node-workloads.ts';
import type { FloodResult } from '../open-loop.ts';
import { callOf } from '../raw-connection.ts';
import { type Measured, over } from '../row.ts';

const TIMES = 5;
/** Enough that the engine never waits for a request. */
const CALLERS = 16;
const FLOOD_MS = 4_000;
/** What waits at the edge was measured, alone, to take 2 s at most, three quarters of that of one team; a node's bound is a number. */
const P99_MS = { edge: 2_500, node: 2_500 };
const REFUSED_P99_MS = 100;

const EDGE_WIDTH = 512;
const EDGE_PRODUCTS = 32;

/** In its command: callers and the gateway's refusals are to take nothing from it, as on a machine of its own. */
const NODE = 'gpu-node/src/main.ts';

interface Place {
  nodes: number;
  model: () => Promise<Uint8Array<ArrayBuffer>>;
  workload: Workload;
}

/** Runs take milliseconds and requests are small, so that it is the model they are too many for. */
const PLACES: Record<'edge' | 'node', Place> = {
  edge: {
    nodes: 0,
    model: async () => matrixModel(EDGE_WIDTH, 1, 1, EDGE_PRODUCTS),
    workload: {
      ...workloadNamed('use-lite'),
      name: 'matrices',
      inputs: () => [matrixInput(EDGE_WIDTH, 1)],
      outputs: ['y'],
    },
  },
  node: { nodes: 1, model: useLite.build, workload: workloadNamed('use-lite') },
};

export const overload: Subject = async (bench) => {
  const rows: Measured[] = [];
  for (const place of ['edge', 'node'] as const) rows.push(...(await rowsAt(bench, place)));
  return rows;
};

async function rowsAt(bench: Bench, place: keyof typeof PLACES): Promise<Measured[]> {
  const { nodes, model, workload } = PLACES[place];
  const gateway = await bench.gateway(place, { nodes });
  const client = gateway.client();
  const { name } = workload;
  const manifest: ManifestInput = { placement: { policy: place }, cache: { ttlSeconds: 0 } };
  await client.models.create({ name });
  const { version } = await client.versions.upload(name, await model(), manifest);
  await client.versions.waitReady(name, version);
  const call = callOf(workload, { authorization: `Bearer ${gateway.key}` });
  const capacities: number[] = [];
  const floods: FloodResult[] = [];
  let together: (() => void) | undefined;
  for (let round = 0; round <= bench.rounds; round++) {
    const { perSecond } = await bench.callers(gateway.url, { calls: [call], callers: CALLERS, ms: bench.windowMs });
    const flood = await bench.flood(gateway.url, call, TIMES * perSecond, FLOOD_MS);
    // The first one is for the compilers; with it all are there.
    if (round === 0) {
      if (place === 'node') together = separate(NODE);
      continue;
    }
    capacities.push(perSecond);
    floods.push(flood);
  }
  together?.();
  await gateway.stop();
  return rowsFrom(place, capacities, floods);
}

function rowsFrom(place: keyof typeof PLACES, capacities: number[], floods: FloodResult[]): Measured[] {
  const of = (figure: keyof FloodResult) => floods.map((flood) => flood[figure]);
  const row = (id: string, what: string, rest: Pick<Measured, 'unit' | 'target' | 'ratios'>): Measured => ({
    id: `overload-${place}-${id}`,
    what: `${TIMES}× too much for the ${place}: ${what}`,
    samples: {
      capacityPerSecond: capacities,
      offeredPerSecond: of('offered'),
      answeredPerSecond: of('answered'),
      refusedPerSecond: of('refused'),
      p50Ms: of('p50Ms'),
      p99Ms: of('p99Ms'),
      refusedP99Ms: of('refusedP99Ms'),
      failed: of('failed'),
    },
    ...rest,
  });
  return [
    row('goodput', 'answers/s of what it can do', {
      target: { atLeast: 0.9 },
      ratios: over(of('answered'), capacities),
    }),
    row('told', 'answers and refusals/s of what is asked', {
      target: { atLeast: 0.9 },
      ratios: floods.map(({ answered, refused }, i) => (answered + refused) / (TIMES * (capacities[i] ?? Number.NaN))),
    }),
    row('p99', 'p99 of the answers', { unit: 'ms', target: { atMost: P99_MS[place] }, ratios: of('p99Ms') }),
    row('refused-p99', 'p99 of the refusals', {
      unit: 'ms',
      target: { atMost: REFUSED_P99_MS },
      ratios: of('refusedP99Ms'),
    }),
    row('failed', 'neither answered nor 429', {
      unit: 'requests',
      target: { atMost: 0 },
      ratios: [of('failed').reduce((sum, count) => sum + count, 0)],
    }),
  ];
}
