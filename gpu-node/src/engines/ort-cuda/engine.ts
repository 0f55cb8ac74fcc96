/** ONNX Runtime on an NVIDIA GPU through CUDA: a thread a model, in the node's own process, which a driver that crashes takes along. */
import type { EngineRegistration, Instance, ModelSource } from '../engine.ts';
import { bytesOf } from '../onnx-runtime/model-bytes.ts';
import { startInstance } from '../onnx-runtime/thread/instance.ts';
import { deviceName, probeCuda } from './cuda.ts';

/** Above `ort-webgpu`, which may be on the same GPU: who turns CUDA on wants it. */
const PRIORITY = 20;

export const ortCuda: EngineRegistration = {
  name: 'ort-cuda',
  priority: PRIORITY,
  async start() {
    // Otherwise NVIDIA's libraries round FP32 to ten bits in products and convolutions, and answers differ from the CPU's.
    // biome-ignore lint/style/noProcessEnv: it is said to those libraries, which take it from nowhere else.
    process.env.NVIDIA_TF32_OVERRIDE ??= '0';
    await probeCuda();
    return { report: { name: 'ort-cuda', device: await deviceName() }, load: (source) => loadOnGpu(source) };
  },
};

/** @param workerUrl as `ThreadOptions` @throws EngineError as `Engine.load` */
export async function loadOnGpu(source: ModelSource, workerUrl?: URL): Promise<Instance> {
  await source.makeRoomOnGpu?.(await bytesOf(source));
  return await startInstance(source, { executionProvider: 'cuda', workerUrl });
}
