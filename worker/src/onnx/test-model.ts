/** Builds small ONNX models for tests, valid unless a test says otherwise. */
import onnxProto, { type onnx as Onnx } from 'onnx-proto';

const { onnx } = onnxProto;

/** A float tensor value; `dims` may name axes, and `null` leaves the shape out. */
export function value(
  name: string,
  dims: (number | string)[] | null = ['batch', 4],
  elemType = 1,
): Onnx.IValueInfoProto {
  const dim = dims?.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType, ...(dim ? { shape: { dim } } : {}) } } };
}

/** A float initializer with its bytes in `raw_data`. */
export function weights(name: string, dims: number[], bytes = 4 * dims.reduce((a, b) => a * b, 1)): Onnx.ITensorProto {
  return { name, dims, dataType: 1, rawData: new Uint8Array(bytes) };
}

export function node(opType: string, input: string[], output: string[], more: Onnx.INodeProto = {}): Onnx.INodeProto {
  return { name: `the ${opType}`, opType, input, output, ...more };
}

export function subgraph(name: string, graph: Onnx.IGraphProto): Onnx.IAttributeProto {
  return { name, type: onnx.AttributeProto.AttributeType.GRAPH, g: graph };
}

export function encode(model: Onnx.IModelProto): Uint8Array {
  return onnx.ModelProto.encode(model).finish().slice();
}

export interface Parts {
  model?: Onnx.IModelProto;
  graph?: Onnx.IGraphProto;
}

/** `y = Relu(x · w + b)` with a `Constant`, doc strings and value infos, with parts replaced. */
export function buildModel({ model = {}, graph = {} }: Parts = {}): Uint8Array {
  return encode({
    irVersion: 8,
    producerName: 'tests',
    producerVersion: '1',
    docString: 'a small model',
    opsetImport: [{ domain: '', version: 17 }],
    metadataProps: [{ key: 'k', value: 'v' }],
    ...model,
    graph: {
      name: 'g',
      node: [
        node('Constant', [], ['b'], { attribute: [{ name: 'value', type: 4, t: weights('', [3]) }] }),
        node('Gemm', ['x', 'w', 'b'], ['h'], { attribute: [{ name: 'alpha', type: 1, f: 1 }] }),
        node('Relu', ['h'], ['y']),
      ],
      initializer: [weights('w', [4, 3]), { name: 'unused', dims: [2], dataType: 7, int64Data: [1, 300] }],
      input: [value('x')],
      output: [value('y', ['batch', 3])],
      valueInfo: [value('h', ['batch', 3])],
      ...graph,
    },
  });
}
