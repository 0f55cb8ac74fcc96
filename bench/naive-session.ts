/** ONNX Runtime as one would use it first: the session as the node opens it, tensors in and out, nothing else. */
import { type Datatype, ORT_TYPE, type Tensor } from '@lepton-edge/protocol';
import ort from 'onnxruntime-node';

export async function openSession(path: string): Promise<ort.InferenceSession> {
  return await ort.InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 4,
  });
}

export function feedsOf(inputs: readonly Tensor[]): Record<string, ort.Tensor> {
  return Object.fromEntries(
    inputs.map(({ name, datatype, shape, data }) => [
      name,
      new ort.Tensor(ORT_TYPE[datatype as Exclude<Datatype, 'BF16'>], data as never, shape),
    ]),
  );
}
