/** ONNX Runtime on the CPU: a worker thread a model, so that models neither wait for nor die with each other. */
import { cpus } from 'node:os';
import type { EngineRegistration } from '../engine.ts';
import { startInstance } from './instance.ts';

/** Below anything that has an accelerator. */
const PRIORITY = 0;

export const ortCpu: EngineRegistration = {
  name: 'ort-cpu',
  priority: PRIORITY,
  async start() {
    const device = cpus()[0]?.model.trim().slice(0, 200) || process.arch;
    return { report: { name: 'ort-cpu', device }, load: (source) => startInstance(source) };
  },
};
