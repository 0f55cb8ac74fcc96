/** Whether this machine can run CUDA, found out in a process of its own that ends at once, and what its GPU is called. */
import { glob, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { runProbe } from '../probe-process.ts';

/** As the program `probe.ts` tells it. */
export interface Probed {
  problem?: string | undefined;
}

const PROBE = new URL('./probe.ts', import.meta.url);
/** A GPU that is newer than the libraries has every kernel compiled for it first. */
const PROBE_MS = 120_000;
/** As ONNX Runtime's own log names a library that is not there: its error does not. */
const LIBRARY = /Failed to load library .*? with error: (.+)/;
const NEEDED =
  "expected libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so beside ONNX Runtime's own library, CUDA 12, " +
  "cuDNN 9, and NVIDIA's driver with a GPU; how to get them is in the node's README";

/** @throws Error saying what is missing */
export async function probeCuda(env?: Record<string, string>): Promise<void> {
  const { answer, ended, log } = await runProbe<Probed>(PROBE, PROBE_MS, env);
  const problem = answer ? answer.problem : `the process that tried it ended ${ended}`;
  if (problem === undefined) return;
  const reason = LIBRARY.exec(log)?.[1] ?? problem.replace(/\s+/g, ' ');
  throw new Error(`CUDA cannot be used (${reason.trim()}): ${NEEDED}`);
}

/**
 * CUDA counts GPUs in an order of its own: with several of different models nothing is guessed.
 * @param folder where NVIDIA's driver tells of them
 */
export async function deviceName(folder = '/proc/driver/nvidia/gpus'): Promise<string> {
  const names = new Set<string>();
  for await (const file of glob('*/information', { cwd: folder })) {
    const text = await readFile(join(folder, file), 'utf8').catch(() => '');
    const name = /^Model:\s*(.+)$/m.exec(text)?.[1]?.trim();
    if (name) names.add(name.slice(0, 200));
  }
  const [name] = names;
  return name !== undefined && names.size === 1 ? name : 'CUDA device 0';
}
