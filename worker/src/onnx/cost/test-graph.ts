/** Small graphs for the tests of costs, and what is told of them. */
import onnxProto, { type onnx as Onnx } from 'onnx-proto';
import { readModel } from '../read-model.ts';
import { encode, node, value } from '../test-model.ts';
import { CountingSource } from '../test-source.ts';
import { boundCost, boundCostOf, type CostBound, type InputShapes } from './bound-cost.ts';
import type { Tensor } from './tensor.ts';

const { AttributeType } = onnxProto.onnx.AttributeProto;

type AttributeValue = number | string | number[] | { floats: number[] } | { float: number } | Onnx.ITensorProto;

/** Whole numbers are integers; floats are marked, as a 1 may be either. */
function attribute(name: string, given: AttributeValue): Onnx.IAttributeProto {
  if (typeof given === 'number') return { name, type: AttributeType.INT, i: given };
  if (typeof given === 'string') return { name, type: AttributeType.STRING, s: new TextEncoder().encode(given) };
  if (Array.isArray(given)) return { name, type: AttributeType.INTS, ints: given };
  if ('floats' in given) return { name, type: AttributeType.FLOATS, floats: given.floats };
  if ('float' in given) return { name, type: AttributeType.FLOAT, f: given.float };
  return { name, type: AttributeType.TENSOR, t: given };
}

/** A node named after its first output; `Domain::Op` is one of another domain. */
export function made(
  opType: string,
  input: string[],
  output: string[],
  attributes: Record<string, AttributeValue> = {},
  bodies: Record<string, Onnx.IGraphProto> = {},
): Onnx.INodeProto {
  const [domain, name] = opType.includes('::') ? opType.split('::') : ['', opType];
  const graphs = Object.entries(bodies).map(([key, g]) => ({ name: key, type: AttributeType.GRAPH, g }));
  const plain = Object.entries(attributes).map(([key, given]) => attribute(key, given));
  return node(name ?? '', input, output, {
    name: output[0] ?? '',
    ...(domain ? { domain } : {}),
    attribute: [...plain, ...graphs],
  });
}

export function int64s(name: string, values: number[], dims = [values.length]): Onnx.ITensorProto {
  return { name, dims, dataType: 7, int64Data: values };
}

export function floats(name: string, values: number[], dims = [values.length]): Onnx.ITensorProto {
  return { name, dims, dataType: 1, floatData: values };
}

/** Of some values, too many to be told. */
export function filled(name: string, dims: number[], dataType = 1): Onnx.ITensorProto {
  const count = dims.reduce((product, dim) => product * dim, 1);
  const bytes = dataType === 1 ? 4 : dataType === 7 ? 8 : 1;
  const rawData = new Uint8Array(count * bytes);
  if (dataType === 1)
    new Float32Array(rawData.buffer).set(Array.from({ length: count }, (_, index) => (index % 5) / 8));
  return { name, dims, dataType, rawData };
}

export interface Written {
  inputs?: Record<string, (number | string)[]>;
  /** TensorProto.DataType of inputs that are no floats. */
  types?: Record<string, number>;
  nodes: Onnx.INodeProto[];
  weights?: Onnx.ITensorProto[];
  outputs?: string[];
  opset?: number;
  graph?: Onnx.IGraphProto;
  functions?: Onnx.IFunctionProto[];
}

export function written({ inputs = {}, types = {}, nodes, weights = [], outputs, opset = 17, ...more }: Written) {
  const last = nodes.at(-1)?.output?.filter((name) => name !== '') ?? [];
  return encode({
    irVersion: 8,
    opsetImport: [
      { domain: '', version: opset },
      { domain: 'com.microsoft', version: 1 },
      { domain: 'local', version: 1 },
    ],
    ...(more.functions ? { functions: more.functions } : {}),
    graph: {
      name: 'g',
      node: nodes,
      initializer: weights,
      input: Object.entries(inputs).map(([name, dims]) => value(name, dims, types[name] ?? 1)),
      output: (outputs ?? last).map((name) => ({ name })),
      ...more.graph,
    },
  });
}

export function boundOf(graph: Written, shapes: InputShapes = {}): Promise<CostBound> {
  return boundCost(new CountingSource(written(graph)), shapes);
}

/** Every tensor that is followed, and the bound. */
export async function followed(
  bytes: Uint8Array,
  shapes: InputShapes,
): Promise<{ bound: CostBound; tensors: Map<string, Tensor> }> {
  const tensors = new Map<string, Tensor>();
  const model = await readModel(new CountingSource(bytes));
  const bound = boundCostOf(model, shapes, (name, tensor) => tensors.set(name, tensor));
  return { bound, tensors };
}

/** One node on inputs of these shapes and weights, and what comes out; a string says why it is not known. */
export async function outcome(graph: Written, shapes: InputShapes = {}): Promise<Tensor | string> {
  const { bound, tensors } = await followed(written(graph), shapes);
  if (!bound.known) return bound.because;
  return tensors.get(graph.nodes.at(-1)?.output?.[0] ?? '') ?? 'nothing';
}

/** A graph to be run, for inputs of these shapes. */
export interface Case extends Partial<Written> {
  title: string;
  shapes?: Record<string, number[]>;
}

/** Inputs `x`, or `x` and `y`, of these shapes. */
export const x = (...shape: number[]) => ({ inputs: { x: shape.map((_, axis) => `d${axis}`) }, shapes: { x: shape } });
export const xy = (left: number[], right: number[]) => ({
  inputs: { x: left.map((_, axis) => `a${axis}`), y: right.map((_, axis) => `b${axis}`) },
  shapes: { x: left, y: right },
});

/** One node that makes `out`. */
export const one = (op: string, input: string[], attributes: Parameters<typeof made>[3] = {}, outputs = ['out']) => [
  made(op, input, outputs, attributes),
];
export const two = ['out', 'more'];
