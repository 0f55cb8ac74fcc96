/** What ONNX Runtime really makes of a model's tensors, to hold against what was followed. */
import onnxProto from 'onnx-proto';

const { onnx } = onnxProto;

export interface RuntimeTensor {
  type: string;
  dims: readonly number[];
  data: ArrayLike<number | bigint>;
}
export interface Runtime {
  Tensor: new (type: string, data: unknown, dims: readonly number[]) => RuntimeTensor;
  InferenceSession: {
    create(
      bytes: Uint8Array,
      options: { logSeverityLevel: number; graphOptimizationLevel: string },
    ): Promise<{
      inputNames: string[];
      inputMetadata: { name: string; type: string }[];
      run(feeds: Record<string, RuntimeTensor>): Promise<Record<string, RuntimeTensor>>;
      release(): Promise<void>;
    }>;
  };
}
function arrayOf(type: string, count: number): unknown {
  if (type === 'int64') return new BigInt64Array(count).fill(1n);
  if (type === 'int32') return new Int32Array(count).fill(1);
  if (type === 'uint8' || type === 'bool') return new Uint8Array(count).fill(1);
  if (type === 'int8') return new Int8Array(count).fill(1);
  return Float32Array.from({ length: count }, (_, index) => ((index * 13) % 7) / 7);
}

/** Runs the model with every tensor that its own graph makes as an output. */
export async function runtimeTensors(
  { InferenceSession, Tensor }: Runtime,
  bytes: Uint8Array,
  shapes: Readonly<Record<string, readonly number[]>>,
  feeds: Record<string, RuntimeTensor> = {},
): Promise<Record<string, RuntimeTensor>> {
  const model = onnx.ModelProto.decode(bytes);
  const graph = model.graph ?? {};
  const outputs = new Set(graph.output?.map(({ name }) => name));
  for (const { output, opType } of graph.node ?? []) {
    if (opType === 'Constant') continue;
    for (const name of output ?? []) if (name !== '' && !outputs.has(name)) graph.output?.push({ name });
  }
  const session = await InferenceSession.create(onnx.ModelProto.encode(model).finish(), {
    logSeverityLevel: 4,
    graphOptimizationLevel: 'disabled',
  });
  try {
    const given = Object.fromEntries(
      session.inputMetadata.map(({ name, type }) => {
        const dims = shapes[name] ?? [];
        const count = dims.reduce((product, dim) => product * dim, 1);
        return [name, feeds[name] ?? new Tensor(type, arrayOf(type, count), dims)];
      }),
    );
    return await session.run(given);
  } finally {
    await session.release();
  }
}
