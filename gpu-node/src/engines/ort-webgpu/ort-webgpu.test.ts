import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@lepton-edge/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addModel, determinantModel, identityModel, matMulModel } from '../../testing/onnx-file.ts';
import { NO_ADAPTER, swiftShaderEnv } from '../../testing/swiftshader.ts';
import { toAdapter } from './adapter.ts';
import { ortWebgpu } from './engine.ts';
import { AdapterHost, type HostOptions } from './host.ts';

let folder: string;
let env: Record<string, string>;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'ort-webgpu-'));
  env = await swiftShaderEnv();
});
afterAll(() => rm(folder, { recursive: true }));

function host(changes: Partial<HostOptions> = {}): AdapterHost {
  return new AdapterHost({
    strict: false,
    runLimitMs: 30_000,
    loadLimitMs: 30_000,
    maxLeakedBytes: 1e9,
    env,
    ...changes,
  });
}

async function source(bytes: Uint8Array, label = 'test@1') {
  const path = join(folder, `${crypto.randomUUID()}.onnx`);
  await writeFile(path, bytes);
  return { label, format: 'onnx', path } as const;
}

const vector = (name: string, ...values: number[]): Tensor => {
  return { name, datatype: 'FP32', shape: [values.length], data: Float32Array.from(values) };
};
const addition = () => ({ inputs: [vector('a', 1), vector('b', 2)], outputs: ['sum'] });
const matrix = (n: number): Tensor => ({ name: 'x', datatype: 'FP32', shape: [n, n], data: new Float32Array(n * n) });
/** Minutes of work for a GPU made of software. */
const ENDLESS = () => ({ inputs: [matrix(512)], outputs: ['y'] });

describe('ort-webgpu', () => {
  it('tells its adapter, and that it is software', async () => {
    const engine = await ortWebgpu({ mode: 'on', strict: false }, { env }).start();
    expect(engine.report).toMatchObject({
      name: 'ort-webgpu',
      device: expect.stringContaining('SwiftShader'),
      adapter: { vendor: 'google', architecture: 'swiftshader', software: true },
    });
    expect(engine.report.adapter?.features).toContain('core-features-and-limits');
  });

  it('leaves an adapter that is software alone unless asked', async () => {
    await expect(ortWebgpu({ mode: 'auto', strict: false }, { env }).start()).rejects.toThrow('computes on the CPU');
  });

  it('does not start where there is no adapter', async () => {
    const start = ortWebgpu({ mode: 'on', strict: false }, { env: NO_ADAPTER }).start();
    await expect(start).rejects.toThrow('finds no adapter');
  });

  it('knows adapters that are software by their names', () => {
    const info = {
      vendor: 'nvidia',
      architecture: 'hopper',
      device: '',
      description: 'H',
      isFallback: false,
      features: [],
    };
    expect(toAdapter(info)).toMatchObject({ name: 'H', report: { software: false } });
    expect(toAdapter({ ...info, isFallback: true }).report.software).toBe(true);
    expect(toAdapter({ ...info, description: 'llvmpipe (LLVM 19.1.7)' }).report.software).toBe(true);
    expect(toAdapter({ ...info, description: 'Microsoft Basic Render Driver' }).report.software).toBe(true);
  });
});

describe('models on an adapter', () => {
  it.each(['FP16', 'FP64', 'BYTES'] as const)('leaves %s to other engines', async (datatype) => {
    const loaded = host().load(await source(identityModel(datatype)));
    await expect(loaded).rejects.toMatchObject({ failure: 'unsupported', message: expect.stringContaining(datatype) });
  });

  it('tells which operators run on the CPU', async () => {
    const adapter = host();
    const onGpu = await adapter.load(await source(addModel()));
    expect(onGpu.cpuOperators).toEqual({});
    const mixed = await adapter.load(await source(determinantModel()));
    expect(mixed.cpuOperators).toEqual({ Det: 1 });
    const x: Tensor = { name: 'x', datatype: 'FP32', shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
    const { outputs } = await mixed.run({ inputs: [x], outputs: ['y'] });
    expect(outputs[0]?.data[0]).toBeCloseTo(4, 4);
    await Promise.all([onGpu.unload(), mixed.unload()]);
  });

  it('turns them away when it is strict', async () => {
    const adapter = host({ strict: true });
    const loaded = adapter.load(await source(determinantModel()));
    await expect(loaded).rejects.toMatchObject({ failure: 'unsupported', message: expect.stringContaining('Det') });
    await (await adapter.load(await source(addModel()))).unload();
  });

  it('ends its process with the last model', async () => {
    const adapter = host();
    const [one, two] = await Promise.all([
      adapter.load(await source(addModel())),
      adapter.load(await source(addModel())),
    ]);
    await one.unload();
    expect(adapter.pid).toBeGreaterThan(0);
    await two.unload();
    expect(adapter.pid).toBeUndefined();
  });

  it('replaces its process when too much has leaked; runs under way end, and the rest is loaded again', async () => {
    const adapter = host({ maxLeakedBytes: 1 });
    const kept = await adapter.load(await source(addModel(), 'kept@1'));
    const gone = await adapter.load(await source(addModel(), 'gone@1'));
    const before = adapter.pid;
    const run = kept.run(addition());
    await gone.unload();
    expect((await run).outputs[0]?.data).toEqual(Float32Array.of(3));
    expect(await kept.lost).toMatchObject({ failure: 'lost', message: expect.stringContaining('free memory') });
    await expect(kept.run(addition())).rejects.toMatchObject({ failure: 'lost' });
    await kept.unload();
    const again = await adapter.load(await source(addModel(), 'kept@1'));
    expect(adapter.pid).not.toBe(before);
    expect((await again.run(addition())).outputs[0]?.data).toEqual(Float32Array.of(3));
    await again.unload();
  });

  it('fails the runs of a process that crashes, and loads the model again', async () => {
    const adapter = host();
    const file = await source(matMulModel(200));
    const instance = await adapter.load(file);
    const run = instance.run(ENDLESS());
    if (!adapter.pid) throw new Error('its process is not there');
    process.kill(adapter.pid, 'SIGSEGV');
    const lost = { failure: 'lost', message: expect.stringMatching(/SIGSEGV, during run of test@1/) };
    await expect(run).rejects.toMatchObject(lost);
    expect(await instance.lost).toMatchObject(lost);
    await instance.unload();
    const again = await adapter.load(file);
    await again.run({ inputs: [matrix(2)], outputs: ['y'] });
    await again.unload();
  });

  it('kills a process that hangs, waits longer each time, and puts the model away that does it again and again', async () => {
    const adapter = host({ runLimitMs: 300 });
    const file = await source(matMulModel(200), 'hangs@1');
    let refusals = 0;
    for (let crashes = 0; crashes < 3; ) {
      const instance = await adapter.load(file).catch((error) => {
        expect(error).toMatchObject({ failure: 'lost', message: expect.stringContaining('crashed') });
        refusals++;
      });
      if (instance) {
        crashes++;
        const lost = { failure: 'lost', message: expect.stringContaining('run of hangs@1 took longer than 0.3 s') };
        await expect(instance.run(ENDLESS())).rejects.toMatchObject(lost);
      } else {
        await new Promise((resolve) => setTimeout(resolve, 50));
      }
    }
    expect(refusals).toBeGreaterThan(0);
    const put = { failure: 'unsupported', message: expect.stringMatching(/3 times .* took longer than/) };
    await expect(adapter.load(file)).rejects.toMatchObject(put);
  });
});
