/** ONNX Runtime on a GPU through WebGPU: one process for the adapter, with all models on it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@lepton-edge/protocol';
import type { EngineRegistration } from '../engine.ts';
import { DOUBLE } from '../onnx-runtime/first-model.ts';
import { probeAdapter } from './adapter.ts';
import { AdapterHost, type HostOptions } from './host.ts';

/** Above `ort-cpu`: an adapter that is not wanted above it is not used at all. */
const PRIORITY = 10;

export interface WebgpuOptions {
  /** `auto`: a GPU is used, an adapter that computes on the CPU is not. `on`: either. */
  mode: 'auto' | 'on';
  strict: boolean;
}

export const MAX_LEAKED_BYTES = 512 * 1024 * 1024;

const LIMITS = {
  runLimitMs: 60_000,
  loadLimitMs: 300_000,
  maxLeakedBytes: MAX_LEAKED_BYTES,
};

/** @param changes of the host's usual options, for tests */
export function ortWebgpu({ mode, strict }: WebgpuOptions, changes: Partial<HostOptions> = {}): EngineRegistration {
  return {
    name: 'ort-webgpu',
    priority: PRIORITY,
    async start() {
      const { name, report } = await probeAdapter(changes.env);
      if (report.software && mode !== 'on') {
        throw new Error(`${name} computes on the CPU, where ort-cpu is faster: --webgpu on would use it`);
      }
      const options = { ...LIMITS, strict, ...changes };
      await check(new AdapterHost(options));
      const host = new AdapterHost(options);
      return {
        report: { name: 'ort-webgpu', device: name, adapter: report },
        load: (source) => host.load(source),
        loadApart: (source, limitMs) =>
          new AdapterHost({ ...options, loadLimitMs: limitMs, runLimitMs: limitMs }).load(source),
      };
    },
  };
}

/** That there is an adapter does not say that ONNX Runtime, which brings WebGPU of its own, can use it. */
async function check(host: AdapterHost): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'lepton-webgpu-'));
  try {
    const path = join(folder, 'model.onnx');
    await writeFile(path, DOUBLE);
    const instance = await host.load({ label: 'the first try', format: 'onnx', path });
    const x: Tensor = { name: 'x', datatype: 'FP32', shape: [2], data: Float32Array.of(1, 2) };
    const { outputs } = await instance.run({ inputs: [x], outputs: ['y'] });
    await instance.unload();
    const got = outputs[0]?.data;
    if (got?.[0] !== 2 || got[1] !== 4) throw new Error(`adding 1,2 to itself gave ${got}, expected 2,4`);
  } finally {
    await rm(folder, { recursive: true });
  }
}
