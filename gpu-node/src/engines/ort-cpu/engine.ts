/** ONNX Runtime on the CPU: worker threads of each model's own, so that models neither wait for nor die with each other. */
import { availableParallelism, cpus } from 'node:os';
import type { EngineRegistration } from '../engine.ts';
import { CpuModel } from './model.ts';
import type { CpuOptions } from './tune.ts';

/** Below anything that has an accelerator. */
const PRIORITY = 0;

/** What is not stated is one. */
export function ortCpuWith(options: Partial<CpuOptions>): EngineRegistration {
  return {
    name: 'ort-cpu',
    priority: PRIORITY,
    async start() {
      const device = cpus()[0]?.model.trim().slice(0, 200) || process.arch;
      const stated = { threads: 1, instances: 1, cores: availableParallelism(), ...options };
      return { report: { name: 'ort-cpu', device }, load: (source) => CpuModel.load(source, stated) };
    },
  };
}

export const ortCpu = ortCpuWith({});
