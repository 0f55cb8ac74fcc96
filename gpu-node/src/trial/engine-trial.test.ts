import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admission, Manifest, type Tensor } from '@lepton-edge/protocol';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Engine } from '../engines/engine.ts';
import { ortWebgpu } from '../engines/ort-webgpu/engine.ts';
import { avoidedEngines } from '../models/avoided-engines.ts';
import type { Repository } from '../models/repository.ts';
import { addModel, matMulModel } from '../testing/onnx-file.ts';
import { swiftShaderEnv } from '../testing/swiftshader.ts';
import { tryOnEngine } from './engine-trial.ts';
import { Trials } from './trials.ts';

let folder: string;
let webgpu: Engine;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'engine-trial-'));
  webgpu = await ortWebgpu({ mode: 'on', strict: false }, { env: await swiftShaderEnv() }).start();
});
afterAll(() => rm(folder, { recursive: true }));

async function sourceOf(bytes: Uint8Array) {
  const path = join(folder, `${crypto.randomUUID()}.onnx`);
  await writeFile(path, bytes);
  return { label: 'm@1', format: 'onnx', path } as const;
}

const vector = (name: string, ...values: number[]): Tensor => {
  return { name, datatype: 'FP32', shape: [values.length], data: Float32Array.from(values) };
};
const ADDED = { inputs: [vector('a', 1, 2), vector('b', 3, 4)], outputs: [vector('sum', 4, 6)] };

describe('the trial of a version on WebGPU', () => {
  it('is made by a node that has it, beside that on the CPU', async () => {
    const source = await sourceOf(addModel());
    const files = [{ path: 'model.onnx', digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 }];
    const manifest = Manifest.parse({ format: 'onnx', files, inputs: [], outputs: [] });
    const repository: Pick<Repository, 'describe' | 'fetch'> = {
      describe: async () => ({ manifest, sizeBytes: 1 }) as Awaited<ReturnType<Repository['describe']>>,
      fetch: async () =>
        ({ source, files: { release: () => undefined } }) as unknown as Awaited<ReturnType<Repository['fetch']>>,
    };
    const limits = { timeMs: 20_000, memoryBytes: 1024 ** 3, modelBytes: 10 };
    const trials = new Trials(repository as Repository, 'here', limits, [webgpu]);
    const target = { model: 'm', version: 1, digest: 'd' };
    await vi.waitUntil(async () => (await trials.ask(target)).state !== 'working', 120_000);
    expect(await trials.ask(target)).toMatchObject({
      state: 'ok',
      report: {
        engine: 'ort-cpu',
        engines: [
          {
            engine: 'ort-webgpu',
            device: expect.stringContaining('SwiftShader'),
            outcome: 'ran',
            loadMs: expect.any(Number),
            runMs: expect.any(Number),
            maxDifference: 0,
          },
        ],
      },
    });
  });

  it('tells by how much its answer differs, and then no node runs the version there', async () => {
    const sample = { ...ADDED, outputs: [vector('sum', 4, 6.5)] };
    const version = { source: await sourceOf(addModel()), sample, deterministic: true };
    const differs = await tryOnEngine(webgpu, version, 20_000);
    expect(differs).toMatchObject({ outcome: 'differs', maxDifference: 0.5 });
    const node = { where: 'n', engine: 'ort-cpu', loadMs: 1, runMs: 1, perItemMs: {}, deterministic: true, shapes: {} };
    const admission = Admission.parse({ edgeEligible: false, node: { ...node, engines: [differs] } });
    expect(avoidedEngines(admission)).toEqual({
      'ort-webgpu': 'when the version was tried its answers differ there (by up to 0.5)',
    });
    expect(await tryOnEngine(webgpu, { ...version, deterministic: false }, 20_000)).toMatchObject({ outcome: 'ran' });
  });

  it('tells what it refuses, and what does not end within its time', async () => {
    const broken = { source: await sourceOf(Buffer.from('no model')), sample: ADDED, deterministic: true };
    expect(await tryOnEngine(webgpu, broken, 20_000)).toMatchObject({ outcome: 'refused', reason: expect.any(String) });
    const x: Tensor = { name: 'x', datatype: 'FP32', shape: [512, 512], data: new Float32Array(512 * 512) };
    const endless = { inputs: [x], outputs: [{ ...x, name: 'y' }] };
    const long = { source: await sourceOf(matMulModel(200)), sample: endless, deterministic: true };
    const failed = await tryOnEngine(webgpu, long, 8_000);
    expect(failed).toMatchObject({ outcome: 'failed', reason: expect.stringContaining('2 s') });
  });
});
