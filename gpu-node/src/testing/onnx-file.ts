/** Writes small ONNX files, so that tests can have a model of any datatype. Source: onnx.proto3 of ONNX, IR version 8. */
import type { Datatype } from '@lepton-edge/protocol';

/** TensorProto.DataType */
export const ELEMENT_TYPE: Record<Datatype, number> = {
  FP32: 1,
  UINT8: 2,
  INT8: 3,
  UINT16: 4,
  INT16: 5,
  INT32: 6,
  INT64: 7,
  BYTES: 8,
  BOOL: 9,
  FP16: 10,
  FP64: 11,
  UINT32: 12,
  UINT64: 13,
  BF16: 16,
};

interface OnnxNode {
  operator: string;
  inputs: string[];
  output: string;
  /** Lists of whole numbers, as Conv's `pads`. */
  attributes?: Record<string, number[]>;
}

/** A name, a datatype, and axes: a number, or a word for a dynamic one. */
type OnnxValue = [name: string, datatype: Datatype, axes: (number | string)[]];

/** The bytes of a model of opset 13. @param initializers encoded TensorProtos */
function onnxFile(
  nodes: OnnxNode[],
  inputs: OnnxValue[],
  outputs: OnnxValue[],
  initializers: Buffer<ArrayBuffer>[] = [],
): Buffer<ArrayBuffer> {
  const graph = message(
    ...nodes.map((node) => bytes(1, nodeProto(node))),
    bytes(2, 'test'),
    ...initializers.map((tensor) => bytes(5, tensor)),
    ...inputs.map((value) => bytes(11, valueInfo(value))),
    ...outputs.map((value) => bytes(12, valueInfo(value))),
  );
  const opset = message(bytes(1, ''), integer(2, 13));
  return message(integer(1, 8), bytes(7, graph), bytes(8, opset));
}

/** A model that hands its one input `x` on as `y`. */
export function identityModel(datatype: Datatype): Buffer<ArrayBuffer> {
  const node = { operator: 'Identity', inputs: ['x'], output: 'y' };
  return onnxFile([node], [['x', datatype, ['n']]], [['y', datatype, ['n']]]);
}

/** A model that adds its two FP32 vectors `a` and `b`, which must be of one length, as `sum`. */
export function addModel(): Buffer<ArrayBuffer> {
  const node = { operator: 'Add', inputs: ['a', 'b'], output: 'sum' };
  const vector = (name: string, axis: string): OnnxValue => [name, 'FP32', [axis]];
  return onnxFile([node], [vector('a', 'n'), vector('b', 'm')], [vector('sum', 'k')]);
}

/** A model that adds to its FP32 vector `x` the `length` numbers that stand in a file of their own beside it. */
export function externalDataModel(location: string, length: number): Buffer<ArrayBuffer> {
  const node = { operator: 'Add', inputs: ['x', 'w'], output: 'y' };
  const entry = message(bytes(1, 'location'), bytes(2, location));
  const outside = 1;
  const w = message(
    integer(1, length),
    integer(2, ELEMENT_TYPE.FP32),
    bytes(8, 'w'),
    bytes(13, entry),
    integer(14, outside),
  );
  return onnxFile([node], [['x', 'FP32', [length]]], [['y', 'FP32', [length]]], [w]);
}

/** A model that multiplies its square FP32 matrix `x` with itself, again and again: a run as long as wanted. */
export function matMulModel(times: number): Buffer<ArrayBuffer> {
  const nodes = Array.from({ length: times }, (_, i) => ({
    operator: 'MatMul',
    inputs: [i === 0 ? 'x' : `y${i - 1}`, 'x'],
    output: i === times - 1 ? 'y' : `y${i}`,
  }));
  return onnxFile(nodes, [['x', 'FP32', ['n', 'n']]], [['y', 'FP32', ['n', 'n']]]);
}

/** A model: `y`[b,m] = Softmax(`x`[b,n] · w[n,m]), where `b` is dynamic. @param w its rows, one after the other */
export function denseModel(n: number, w: Float32Array<ArrayBuffer>): Buffer<ArrayBuffer> {
  const m = w.length / n;
  const nodes = [
    { operator: 'MatMul', inputs: ['x', 'w'], output: 'xw' },
    { operator: 'Softmax', inputs: ['xw'], output: 'y' },
  ];
  return onnxFile(nodes, [['x', 'FP32', ['b', n]]], [['y', 'FP32', ['b', m]]], [weights('w', [n, m], w)]);
}

/** A model: `y`[b,m,h,w] = Conv(`x`[b,c,h,w]) with kernels k[m,c,3,3] and a border of zeros. */
export function convModel(channels: number, kernels: Float32Array<ArrayBuffer>): Buffer<ArrayBuffer> {
  const m = kernels.length / channels / 9;
  const node = { operator: 'Conv', inputs: ['x', 'k'], output: 'y', attributes: { pads: [1, 1, 1, 1] } };
  const k = weights('k', [m, channels, 3, 3], kernels);
  return onnxFile([node], [['x', 'FP32', ['b', channels, 'h', 'w']]], [['y', 'FP32', ['b', m, 'h', 'w']]], [k]);
}

/** A model: `y` = Relu(Det(`x` · `x`)) of a square matrix; no GPU computes determinants. */
export function determinantModel(): Buffer<ArrayBuffer> {
  const nodes = [
    { operator: 'MatMul', inputs: ['x', 'x'], output: 'xx' },
    { operator: 'Det', inputs: ['xx'], output: 'd' },
    { operator: 'Relu', inputs: ['d'], output: 'y' },
  ];
  return onnxFile(nodes, [['x', 'FP32', ['n', 'n']]], [['y', 'FP32', []]]);
}

function nodeProto({ inputs, output, operator, attributes = {} }: OnnxNode): Buffer<ArrayBuffer> {
  const kindInts = 7;
  return message(
    ...inputs.map((name) => bytes(1, name)),
    bytes(2, output),
    bytes(4, operator),
    ...Object.entries(attributes).map(([name, values]) => {
      return bytes(5, message(bytes(1, name), ...values.map((value) => integer(8, value)), integer(20, kindInts)));
    }),
  );
}

function weights(name: string, dims: number[], data: Float32Array<ArrayBuffer>): Buffer<ArrayBuffer> {
  const type = integer(2, ELEMENT_TYPE.FP32);
  return message(...dims.map((dim) => integer(1, dim)), type, bytes(8, name), bytes(9, Buffer.from(data.buffer)));
}

function valueInfo([name, datatype, axes]: OnnxValue): Buffer<ArrayBuffer> {
  const shape = message(...axes.map((axis) => bytes(1, typeof axis === 'number' ? integer(1, axis) : bytes(2, axis))));
  const tensor = message(integer(1, ELEMENT_TYPE[datatype]), bytes(2, shape));
  return message(bytes(1, name), bytes(2, bytes(1, tensor)));
}

function message(...fields: Buffer<ArrayBuffer>[]): Buffer<ArrayBuffer> {
  return Buffer.concat(fields);
}

function bytes(field: number, value: string | Buffer<ArrayBuffer>): Buffer<ArrayBuffer> {
  const content = typeof value === 'string' ? Buffer.from(value) : value;
  return Buffer.concat([varint((field << 3) | 2), varint(content.byteLength), content]);
}

function integer(field: number, value: number): Buffer<ArrayBuffer> {
  return Buffer.concat([varint(field << 3), varint(value)]);
}

function varint(value: number): Buffer<ArrayBuffer> {
  const out: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    out.push((rest & 0x7f) | 0x80);
    rest >>>= 7;
  }
  out.push(rest);
  return Buffer.from(out);
}
