/** A program: runs a first model through CUDA, tells what is wrong with that, and ends. A driver that crashes takes no more than this along. */
import { DOUBLE } from '../onnx-runtime/first-model.ts';
import type { Probed } from './cuda.ts';

async function problem(): Promise<string | undefined> {
  try {
    const { default: ort } = await import('onnxruntime-node');
    const session = await ort.InferenceSession.create(DOUBLE, {
      executionProviders: ['cuda'],
      // What CUDA does not take must not look as if it did.
      extra: { session: { disable_cpu_ep_fallback: '1' } },
    });
    const { y } = await session.run({ x: new ort.Tensor('float32', Float32Array.of(1, 2), [2]) });
    const got = [...(y?.data ?? [])].join();
    return got === '2,4' ? undefined : `adding 1,2 to itself gave ${got}, expected 2,4`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

const probed: Probed = { problem: await problem() };
process.send?.(probed, () => process.exit(0));
