/** ONNX models for tests of admission: well-behaved, and otherwise. Source: onnx.proto3 of ONNX, IR version 8, opset 17. */
import onnxProto, { type onnx as Onnx } from 'onnx-proto';

const { onnx } = onnxProto;
const FLOAT = 1;
const UINT8 = 2;
const INT32 = 6;
const INT64 = 7;
const BOOL = 9;

type Axes = (number | string)[];
type Bytes = Uint8Array<ArrayBuffer>;

/** y = x + w on float32[n, 4], with its four weights in `path` from `offset` on. */
export function externalModel(path: string, offset: number, rows = 1): Bytes {
  const entries = { location: path, offset: String(offset), length: String(rows * 16) };
  const externalData = Object.entries(entries).map(([key, text]) => ({ key, value: text }));
  const weights = { name: 'w', dims: [rows, 4], dataType: FLOAT, dataLocation: 1, externalData };
  // Only the first row is used, however many there are.
  const first = ints('first', [0]);
  return model({
    node: [node('Gather', ['w', 'first'], ['row'], [int('axis', 0)]), node('Add', ['x', 'row'], ['y'])],
    initializer: [weights, first],
    input: [value('x', ['n', 4])],
    output: [value('y', ['n', 4])],
  });
}

/** A loop whose condition stays true, for as many turns as an int64 counts. */
export function endlessModel(): Bytes {
  const turns = { name: 'turns', dims: [], dataType: INT64, rawData: bigInts([2n ** 62n]) };
  const yes = { name: 'yes', dims: [], dataType: BOOL, rawData: Uint8Array.of(1) };
  const body = {
    name: 'body',
    node: [node('Identity', ['go'], ['goOn']), node('Neg', ['carried'], ['next'])],
    input: [value('turn', [], INT64), value('go', [], BOOL), value('carried', ['n'])],
    output: [value('goOn', [], BOOL), value('next', ['n'])],
  };
  const loop = { name: 'body', type: onnx.AttributeProto.AttributeType.GRAPH, g: body };
  return model({
    node: [node('Loop', ['turns', 'yes', 'x'], ['y'], [loop])],
    initializer: [turns, yes],
    input: [value('x', ['n'])],
    output: [value('y', ['n'])],
  });
}

/** y = x + noise: no two runs agree. */
export function randomModel(): Bytes {
  return model({
    node: [node('RandomNormalLike', ['x'], ['noise']), node('Add', ['x', 'noise'], ['y'])],
    input: [value('x', ['n'])],
    output: [value('y', ['n'])],
  });
}

/** y = x - the mean over the batch: an item's answer depends on the others'. */
export function mixingModel(): Bytes {
  return model({
    node: [node('ReduceMean', ['x'], ['mean'], [intList('axes', [0])]), node('Sub', ['x', 'mean'], ['y'])],
    input: [value('x', ['n', 3])],
    output: [value('y', ['n', 3])],
  });
}

/** Takes vectors of just seven elements, and does not say so. */
export function pickyModel(): Bytes {
  return model({
    node: [node('Reshape', ['x', 'seven'], ['row']), node('Neg', ['row'], ['y'])],
    initializer: [ints('seven', [1, 7])],
    input: [value('x', ['n'])],
    output: [value('y', [1, 7])],
  });
}

/** A well-formed file whose operator has no implementation for this datatype. */
export function withoutKernelModel(): Bytes {
  return model({
    node: [node('Softmax', ['x'], ['y'])],
    input: [value('x', ['n', 4], UINT8)],
    output: [value('y', ['n', 4], UINT8)],
  });
}

/** y = x / z on int32[n]: brings ONNX Runtime in WASM down with a trap where it is -2^31 / -1. */
export function divisionModel(): Bytes {
  return model({
    node: [node('Div', ['x', 'z'], ['y'])],
    input: [value('x', ['n'], INT32), value('z', ['n'], INT32)],
    output: [value('y', ['n'], INT32)],
  });
}

/** y = 10, 20 or 30 by index: any other one it refuses. */
export function lookUpModel(name: string): Bytes {
  return model({
    name,
    node: [node('Gather', ['w', 'x'], ['y'])],
    initializer: [ints('w', [10, 20, 30])],
    input: [value('x', ['n'], INT64)],
    output: [value('y', ['n'], INT64)],
  });
}

/** A chain of so many functions of its own that writing them out overflows the stack in WASM, not on a node. */
export function recursionModel(depth: number): Bytes {
  const domain = 'deep';
  const opsetImport = [
    { domain: '', version: 17 },
    { domain, version: 1 },
  ];
  const call = (i: number, input: string, output: string) => ({ ...node(`f${i}`, [input], [output]), domain });
  const functions = Array.from({ length: depth }, (_, i) => ({
    name: `f${i}`,
    domain,
    input: ['a'],
    output: ['b'],
    opsetImport,
    node: [i === depth - 1 ? node('Neg', ['a'], ['b']) : call(i + 1, 'a', 'b')],
  }));
  const graph = { name: 'g', node: [call(0, 'x', 'y')], input: [value('x', ['n'])], output: [value('y', ['n'])] };
  return onnx.ModelProto.encode({ irVersion: 8, opsetImport, functions, graph }).finish().slice();
}

/** y = x in a shape of so many rows and columns: by default of as many bytes as no isolate has. */
export function hugeModel(size = 30_000): Bytes {
  return model({
    node: [node('Expand', ['x', 'shape'], ['y'])],
    initializer: [ints('shape', [size, size])],
    input: [value('x', [1])],
    output: [value('y', ['a', 'b'])],
  });
}

/** y = -x, the shapes said by nothing but its input. */
export function negationModel(name: string): Bytes {
  return model({ name, node: [node('Neg', ['x'], ['y'])], input: [value('x', ['n'])], output: [value('y', ['n'])] });
}

function model(graph: Onnx.IGraphProto): Bytes {
  const proto = { irVersion: 8, producerName: 'tests', opsetImport: [{ domain: '', version: 17 }] };
  return onnx.ModelProto.encode({ ...proto, graph: { name: 'g', ...graph } })
    .finish()
    .slice();
}

function node(
  opType: string,
  input: string[],
  output: string[],
  attribute: Onnx.IAttributeProto[] = [],
): Onnx.INodeProto {
  return { name: `the ${opType}`, opType, input, output, attribute };
}

function value(name: string, axes: Axes, elemType = FLOAT): Onnx.IValueInfoProto {
  const dim = axes.map((size) => (typeof size === 'number' ? { dimValue: size } : { dimParam: size }));
  return { name, type: { tensorType: { elemType, shape: { dim } } } };
}

function ints(name: string, values: number[]): Onnx.ITensorProto {
  return { name, dims: [values.length], dataType: INT64, rawData: bigInts(values.map(BigInt)) };
}

function bigInts(values: bigint[]): Uint8Array {
  return new Uint8Array(BigInt64Array.from(values).buffer);
}

function int(name: string, i: number): Onnx.IAttributeProto {
  return { name, type: onnx.AttributeProto.AttributeType.INT, i };
}

function intList(name: string, values: number[]): Onnx.IAttributeProto {
  return { name, type: onnx.AttributeProto.AttributeType.INTS, ints: values };
}
