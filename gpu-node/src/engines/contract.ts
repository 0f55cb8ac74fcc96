/** What every engine promises, as tests: run against each of them, on a real device. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@lepton-edge/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { addModel, convModel, denseModel, identityModel } from '../testing/onnx-file.ts';
import type { Engine, EngineRegistration, Instance } from './engine.ts';

/** `LEPTON_CONTRACT_RUNS=500` wears an engine out for longer. */
const RUNS = Number(process.env.LEPTON_CONTRACT_RUNS ?? 100);
const TOLERANCE = 1e-5;

/** @param makeRegistration that of the engine; when it does not start, every test fails */
export function describeContract(makeRegistration: () => Promise<EngineRegistration>): void {
  // A GPU made of software shares two cores with everything else.
  vi.setConfig({ testTimeout: 60_000 });
  let folder: string;
  let engine: Engine;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'engine-'));
    engine = await (await makeRegistration()).start();
  }, 60_000);
  afterAll(() => rm(folder, { recursive: true }));

  async function load(bytes: Uint8Array): Promise<Instance> {
    const path = join(folder, `${crypto.randomUUID()}.onnx`);
    await writeFile(path, bytes);
    return await engine.load({ label: 'test@1', format: 'onnx', path });
  }

  describe('an engine', () => {
    it('multiplies matrices and takes Softmax, in batches of any size', async () => {
      const [n, m] = [33, 7];
      const w = noise(n * m, 1);
      const instance = await load(denseModel(n, w));
      expect(instance.inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [-1, n] }]);
      for (const batch of [1, 5, 64, 2]) {
        const x = noise(batch * n, batch);
        const expected = softmaxOf(x, w, { batch, n, m });
        const { outputs } = await instance.run({ inputs: [fp32('x', [batch, n], x)], outputs: ['y'] });
        expect(outputs).toMatchObject([{ name: 'y', datatype: 'FP32', shape: [batch, m] }]);
        expectClose(outputs[0], expected);
      }
      await instance.unload();
    });

    it.each([3, 33, 129])(
      'convolves images of any size and %i channels',
      async (channels) => {
        // So that sums of many terms stay as small as those of few, and so do their errors.
        const k = noise(8 * channels * 9, 7).map((value) => value / Math.sqrt(channels * 9));
        const instance = await load(convModel(channels, k));
        for (const [batch, height, width] of [
          [1, 8, 8],
          [2, 5, 11],
        ] as const) {
          const x = noise(batch * channels * height * width, height);
          const expected = convOf(x, k, { batch, height, width, channels, kernels: 8 });
          const { outputs } = await instance.run({
            inputs: [fp32('x', [batch, channels, height, width], x)],
            outputs: ['y'],
          });
          expect(outputs[0]?.shape).toEqual([batch, 8, height, width]);
          expectClose(outputs[0], expected);
        }
        await instance.unload();
      },
      20_000,
    );

    it.each([
      ['INT32', Int32Array.of(-(2 ** 31), 2 ** 31 - 1)],
      ['INT64', BigInt64Array.of(-(2n ** 63n), 2n ** 63n - 1n)],
      ['UINT32', Uint32Array.of(0, 2 ** 32 - 1)],
      ['INT8', Int8Array.of(-128, 127)],
      ['UINT8', Uint8Array.of(0, 255)],
      ['BOOL', Uint8Array.of(0, 1)],
      ['FP32', Float32Array.of(Number.NaN, -0)],
    ] as const)('hands %s through', async (datatype, data) => {
      const instance = await load(identityModel(datatype));
      const { outputs } = await instance.run({
        inputs: [{ name: 'x', datatype, shape: [2], data: data.slice() }],
        outputs: ['y'],
      });
      expect(outputs).toEqual([{ name: 'y', datatype, shape: [2], data }]);
      await instance.unload();
    });

    it('takes and gives tensors without elements', async () => {
      const instance = await load(addModel());
      const { outputs } = await instance.run({ inputs: [vector('a', []), vector('b', [])], outputs: ['sum'] });
      expect(outputs).toMatchObject([{ shape: [0], data: new Float32Array(0) }]);
      await instance.unload();
    });

    it('refuses what the model does not take, and goes on', async () => {
      const instance = await load(addModel());
      const wrong: Tensor[][] = [
        [vector('a', [1, 2]), vector('b', [1, 2, 3])],
        [vector('a', [1, 2])],
        [vector('a', [1]), { name: 'b', datatype: 'INT32', shape: [1], data: Int32Array.of(1) }],
        [vector('a', [1]), { name: 'b', datatype: 'FP16', shape: [1], data: Uint16Array.of(1) }],
        [vector('a', [1]), { name: 'b', datatype: 'BYTES', shape: [1], data: [Uint8Array.of(97)] }],
        [vector('a', [1]), { ...vector('b', [1]), shape: [2] }],
        [vector('a', [1]), vector('c', [1])],
      ];
      for (const inputs of wrong) {
        await expect(instance.run({ inputs, outputs: ['sum'] })).rejects.toMatchObject({ failure: 'refused' });
        const { outputs } = await instance.run({ inputs: [vector('a', [1]), vector('b', [2])], outputs: ['sum'] });
        expect(outputs[0]?.data).toEqual(Float32Array.of(3));
      }
      await instance.unload();
    });

    it('says of what is no model that it never will load it, without harm to others', async () => {
      const other = await load(addModel());
      await expect(load(Buffer.from('no model'))).rejects.toMatchObject({ failure: 'unsupported' });
      const { outputs } = await other.run({ inputs: [vector('a', [1]), vector('b', [2])], outputs: ['sum'] });
      expect(outputs[0]?.data).toEqual(Float32Array.of(3));
      await other.unload();
    });

    it('gives the same numbers after the model was unloaded and loaded again', async () => {
      const w = noise(12, 3);
      const answers: unknown[] = [];
      for (let i = 0; i < 2; i++) {
        const instance = await load(denseModel(4, w));
        const { outputs } = await instance.run({ inputs: [fp32('x', [1, 4], noise(4, 4))], outputs: ['y'] });
        answers.push(outputs[0]?.data);
        await instance.unload();
        await instance.unload();
      }
      expect(answers[0]).toEqual(answers[1]);
    });

    it('ends the runs under way before it unloads, and leaves other models alone', async () => {
      const [instance, other] = await Promise.all([load(addModel()), load(addModel())]);
      const runs = [1, 2, 3].map((n) =>
        instance.run({ inputs: [vector('a', [n]), vector('b', [n])], outputs: ['sum'] }),
      );
      await instance.unload();
      expect((await Promise.all(runs)).map(({ outputs }) => outputs[0]?.data[0])).toEqual([2, 4, 6]);
      const { outputs } = await other.run({ inputs: [vector('a', [1]), vector('b', [2])], outputs: ['sum'] });
      expect(outputs[0]?.data).toEqual(Float32Array.of(3));
      await other.unload();
    });

    it(`gives the same answer ${RUNS} times, two runs at a time, each in memory of its own`, async () => {
      const w = noise(16 * 8, 5);
      const instance = await load(denseModel(16, w));
      const expected = softmaxOf(noise(32, 6), w, { batch: 2, n: 16, m: 8 });
      let previous: Tensor | undefined;
      let first: unknown;
      for (let i = 0; i < RUNS; i += 2) {
        const both = [0, 1].map(() => instance.run({ inputs: [fp32('x', [2, 16], noise(32, 6))], outputs: ['y'] }));
        for (const { outputs } of await Promise.all(both)) {
          const [y] = outputs as [Tensor];
          expectClose(y, expected);
          first ??= (y.data as Float32Array).slice();
          expect(y.data).toEqual(first);
          // The caller may do with it what it likes: no later answer shows it.
          if (previous)
            structuredClone(previous.data, { transfer: [(previous.data as Float32Array<ArrayBuffer>).buffer] });
          previous = y;
        }
      }
      await instance.unload();
    });
  });
}

function fp32(name: string, shape: number[], data: Float32Array<ArrayBuffer>): Tensor {
  return { name, datatype: 'FP32', shape, data };
}

function vector(name: string, values: number[]): Tensor {
  return fp32(name, [values.length], Float32Array.from(values));
}

/** Numbers from -1 to 1 that look random and are the same every time (a linear congruential generator). */
function noise(length: number, seed: number): Float32Array<ArrayBuffer> {
  let state = seed;
  return Float32Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

function softmaxOf(
  x: Float32Array,
  w: Float32Array,
  { batch, n, m }: { batch: number; n: number; m: number },
): number[] {
  return Array.from({ length: batch }, (_, b) => {
    const powers = Array.from({ length: m }, (_, j) => {
      let sum = 0;
      for (let i = 0; i < n; i++) sum += (x[b * n + i] ?? 0) * (w[i * m + j] ?? 0);
      return Math.exp(sum);
    });
    const total = powers.reduce((sum, power) => sum + power, 0);
    return powers.map((power) => power / total);
  }).flat();
}

interface ConvSizes {
  batch: number;
  height: number;
  width: number;
  channels: number;
  kernels: number;
}

function convOf(x: Float32Array, k: Float32Array, { batch, height, width, channels, kernels }: ConvSizes): number[] {
  const y: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let m = 0; m < kernels; m++)
      for (let row = 0; row < height; row++)
        for (let column = 0; column < width; column++) {
          let sum = 0;
          for (let c = 0; c < channels; c++)
            for (let i = -1; i <= 1; i++)
              for (let j = -1; j <= 1; j++) {
                const [r, s] = [row + i, column + j];
                if (r < 0 || r >= height || s < 0 || s >= width) continue;
                const weight = k[(m * channels + c) * 9 + (i + 1) * 3 + j + 1] ?? 0;
                sum += (x[((b * channels + c) * height + r) * width + s] ?? 0) * weight;
              }
          y.push(sum);
        }
  return y;
}

function expectClose(tensor: Tensor | undefined, expected: number[]): void {
  const got = tensor?.data as Float32Array;
  expect(got.length).toBe(expected.length);
  const worst = expected.reduce((most, value, i) => Math.max(most, Math.abs(value - (got[i] ?? Number.NaN))), 0);
  expect(worst).toBeLessThan(TOLERANCE);
}
