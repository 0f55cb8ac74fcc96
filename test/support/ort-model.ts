/** Runs an ONNX file in ONNX Runtime, for tests of what happens before and after it. */
import type { Tensor, TensorSpec } from '@lepton-edge/protocol';
import ort from 'onnxruntime-node';

export interface OrtModel {
  inputs: TensorSpec[];
  run(inputs: readonly Tensor[]): Promise<Tensor[]>;
  /** Of the first input of each run so far. */
  shapes: number[][];
}

/** Of a model whose inputs are all int64 and whose outputs are float32. */
export async function modelOf(onnx: Uint8Array): Promise<OrtModel> {
  const session = await ort.InferenceSession.create(onnx);
  const shapes: number[][] = [];
  return {
    inputs: session.inputNames.map((name) => ({ name, datatype: 'INT64', shape: [-1, -1] })),
    shapes,
    run: async (inputs) => {
      shapes.push(inputs[0]?.shape ?? []);
      const feeds = inputs.map(({ name, shape, data }) => [
        name,
        new ort.Tensor('int64', data as BigInt64Array<ArrayBuffer>, shape),
      ]);
      const outputs = await session.run(Object.fromEntries(feeds));
      return Object.entries(outputs).map(([name, { dims, data }]) => ({
        name,
        datatype: 'FP32',
        shape: [...dims],
        data: data as Float32Array<ArrayBuffer>,
      }));
    },
  };
}
