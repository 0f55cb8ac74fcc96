import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor/tensor.ts';
import { Manifest, type TensorSpec } from '../versions.ts';
import { batchAxes, slice, stack } from './batch.ts';
import { generateInputs, trialShapes } from './inputs.ts';
import { TrialRefusal, tryModel } from './try-model.ts';

const spec = (name: string, shape: number[], datatype: TensorSpec['datatype'] = 'FP32') => ({ name, datatype, shape });

function manifest(inputs: TensorSpec[], outputs: TensorSpec[], more: object = {}): Manifest {
  const files = [{ path: 'm.onnx', digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 }];
  return Manifest.parse({ format: 'onnx', files, inputs, outputs, ...more });
}

const VECTORS = manifest([spec('x', [-1, 3])], [spec('y', [-1, 3])]);
const floats = (shape: number[], ...data: number[]): Tensor => ({
  name: 'x',
  datatype: 'FP32',
  shape,
  data: Float32Array.from(data),
});

describe('batches', () => {
  it('are counted by the first axis where that is dynamic throughout, or as stated', () => {
    expect(batchAxes(VECTORS)).toEqual(
      new Map([
        ['x', 0],
        ['y', 0],
      ]),
    );
    expect(batchAxes(manifest([spec('x', [1, 3])], [spec('y', [-1])]))).toBeUndefined();
    expect(batchAxes(manifest([spec('x', [-1])], [spec('y', [3])]))).toBeUndefined();
    const batching = { maxBatchSize: 8, axes: { x: 1, y: 0 } };
    expect(batchAxes(manifest([spec('x', [3, -1])], [spec('y', [-1])], { batching }))).toEqual(
      new Map([
        ['x', 1],
        ['y', 0],
      ]),
    );
  });

  it('are put together and taken apart along any axis', () => {
    const a = floats([2, 1, 2], 1, 2, 3, 4);
    const b = floats([2, 2, 2], 5, 6, 7, 8, 9, 10, 11, 12);
    const both = stack([a, b], 1);
    expect(both).toMatchObject({ shape: [2, 3, 2], data: Float32Array.of(1, 2, 5, 6, 7, 8, 3, 4, 9, 10, 11, 12) });
    expect(slice(both, 1, 0, 1)).toEqual(a);
    expect(slice(both, 1, 1, 2)).toEqual(b);
  });

  it('hold strings, too', () => {
    const word = (text: string): Tensor => ({
      name: 'x',
      datatype: 'BYTES',
      shape: [1],
      data: [new TextEncoder().encode(text)],
    });
    const both = stack([word('a'), word('b')], 0);
    expect(slice(both, 0, 1, 1)).toEqual(word('b'));
  });
});

describe('generated inputs', () => {
  it('have likely shapes, or those that are stated', () => {
    expect(trialShapes(manifest([spec('x', [-1, -1, -1, -1])], []))).toEqual([
      { x: [1, 3, 16, 16] },
      { x: [1, 3, 64, 64] },
      { x: [1, 3, 1, 1] },
      { x: [1, 3, 224, 224] },
    ]);
    expect(trialShapes(manifest([spec('x', [-1, 784])], []))).toEqual([{ x: [1, 784] }]);
    const stated = { trial: { inputs: { x: { shape: [2, 5] } } } };
    expect(trialShapes(manifest([spec('x', [-1, -1])], [], stated))).toEqual([{ x: [2, 5] }]);
  });

  it('are the same for the same seed, plausible as tokens, and as stated', () => {
    const types = ['FP32', 'FP64', 'FP16', 'INT64', 'INT32', 'UINT8', 'BOOL', 'BYTES'] as const;
    const all = manifest(
      types.map((type) => spec(type, [50], type)),
      [],
    );
    const [shapes = {}] = trialShapes(all);
    expect(generateInputs(all, shapes, 7)).toEqual(generateInputs(all, shapes, 7));
    expect(generateInputs(all, shapes, 7)).not.toEqual(generateInputs(all, shapes, 8));
    for (const { datatype, data } of generateInputs(all, shapes, 7)) {
      if (datatype === 'INT64') expect(new Set(data as BigInt64Array)).toEqual(new Set([0n, 1n]));
      if (datatype === 'FP32') expect((data as Float32Array).every((n) => n >= 0 && n < 1)).toBe(true);
    }
    const stated = { trial: { inputs: { x: { shape: [3], values: [4, 5] } } } };
    const [input] = generateInputs(manifest([spec('x', [-1])], [], stated), { x: [3] }, 1);
    expect(input?.data).toEqual(Float32Array.of(4, 5, 4));
  });
});

describe('a trial', () => {
  /** A model in JavaScript: `f` of a batch's rows. */
  const runner = (f: (rows: Tensor) => Float32Array<ArrayBuffer>, takes = (_rows: Tensor) => true) => ({
    async run(inputs: Tensor[]) {
      const [x] = inputs;
      if (!x || !takes(x)) throw new TrialRefusal(`not ${x?.shape}`);
      return { outputs: [{ ...x, name: 'y', data: f(x) }], runMs: 0.5 };
    },
  });
  const data = (x: Tensor) => x.data as Float32Array<ArrayBuffer>;

  it('finds a model that treats items alone and always the same', async () => {
    const measures = await tryModel(
      VECTORS,
      runner((x) => data(x).map((n) => -n)),
    );
    expect(measures).toMatchObject({
      batchInvariant: true,
      deterministic: true,
      perItemMs: { 1: 0.5, 4: 0.125, 8: 0.063 },
    });
  });

  it('of a slow model is short: two runs, and batches only while they end soon', async () => {
    const slow = (runMs: number) => {
      const counts: number[] = [];
      const run = async (inputs: Tensor[], times: number) => {
        const [x] = inputs as [Tensor];
        const rows = x.shape[0] ?? 0;
        counts.push(rows * times);
        return { outputs: [{ ...x, name: 'y' }], runMs: runMs * rows };
      };
      return { counts, runner: { run } };
    };
    const tooSlow = slow(2_000);
    const { runMs, perItemMs } = await tryModel(VECTORS, tooSlow.runner);
    expect({ runMs, perItemMs, counts: tooSlow.counts }).toEqual({
      runMs: 2000,
      perItemMs: { 1: 2000 },
      counts: [1, 1],
    });
    const slowish = slow(1_000);
    expect((await tryModel(VECTORS, slowish.runner)).perItemMs).toEqual({ 1: 1000, 4: 1000 });
    expect(Math.max(...slowish.counts)).toBe(4);
  });

  it('finds one whose items depend on each other', async () => {
    const mixing = runner((x) => data(x).map((n) => n - data(x).reduce((sum, m) => sum + m, 0)));
    expect(await tryModel(VECTORS, mixing)).toMatchObject({ batchInvariant: false, deterministic: true });
  });

  it('finds one whose runs differ', async () => {
    let turn = 0;
    expect(
      await tryModel(
        VECTORS,
        runner((x) => data(x).map((n) => n + turn++)),
      ),
    ).toMatchObject({ deterministic: false });
  });

  it('goes on to other shapes when some are refused, and tells when all are', async () => {
    const free = manifest([spec('x', [-1, -1])], [spec('y', [-1, -1])]);
    const measures = await tryModel(
      free,
      runner(data, (x) => x.shape[1] === 64),
    );
    expect(measures.shapes).toEqual({ x: [1, 64] });
    await expect(
      tryModel(
        free,
        runner(data, () => false),
      ),
    ).rejects.toThrow(new TrialRefusal('not 1,16'));
    const alone = await tryModel(
      free,
      runner(data, (x) => x.shape[0] === 1),
    );
    expect(alone).toMatchObject({ batchInvariant: false, perItemMs: { 1: 0.5 } });
  });
});
