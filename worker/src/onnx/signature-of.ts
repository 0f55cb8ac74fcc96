/** The tensors a model takes and gives, in the terms of the Open Inference Protocol. */
import type { Datatype, TensorSpec } from '@lepton-edge/protocol';
import type { onnx } from 'onnx-proto';
import type { Graph, Value } from './model.ts';
import type { Names } from './names.ts';
import { quote, refuse } from './refuse.ts';
import { elementTypeName } from './tensor-size.ts';

/** What the protocol's TensorSpec holds, and what stays readable as a manifest. */
const MAX_NAME_LENGTH = 256;
const MAX_RANK = 16;
const MAX_TENSORS = 1_024;
const DYNAMIC = -1;

/** TensorProto.DataType → datatype; the others have no representation in the protocol. */
const DATATYPES: ReadonlyMap<number, Datatype> = new Map([
  [1, 'FP32'],
  [2, 'UINT8'],
  [3, 'INT8'],
  [4, 'UINT16'],
  [5, 'INT16'],
  [6, 'INT32'],
  [7, 'INT64'],
  [8, 'BYTES'],
  [9, 'BOOL'],
  [10, 'FP16'],
  [11, 'FP64'],
  [12, 'UINT32'],
  [13, 'UINT64'],
  [16, 'BF16'],
]);

export interface Signature {
  inputs: TensorSpec[];
  outputs: TensorSpec[];
}

/** What the protocol can say of a value, or why it cannot, in words that follow the value's name. */
export function specOf({ name, type }: onnx.IValueInfoProto): { spec: TensorSpec } | { problem: string } {
  const tensor = type?.tensorType;
  if (!tensor) return { problem: notATensor(type) };
  const datatype = DATATYPES.get(tensor.elemType ?? 0);
  if (!datatype) return { problem: notCarried(tensor.elemType ?? 0) };
  if (!tensor.shape) {
    const help = 'export the model with shapes, or add them with onnx.shape_inference.infer_shapes';
    return { problem: `has no shape, so not even its rank is known: ${help}` };
  }
  const dims = (tensor.shape.dim ?? []).map(({ dimValue }) => Number(dimValue ?? DYNAMIC));
  if (dims.length > MAX_RANK) return { problem: `has ${dims.length} dimensions, at most ${MAX_RANK} are supported` };
  const absurd = dims.find((dim) => dim > Number.MAX_SAFE_INTEGER);
  if (absurd !== undefined) return { problem: `has a dimension of ${absurd}, more than can be counted` };
  return { spec: { name: name ?? '', datatype, shape: dims.map((dim) => Math.max(DYNAMIC, dim)) } };
}

/**
 * Graph inputs that an initializer gives a value are no inputs: that value is a weight.
 * @throws LeptonError `model_invalid` for whatever cannot be sent over the protocol
 */
export function signatureOf(graph: Graph, names: Names): Signature {
  const weights = new Set(graph.weights);
  if (graph.outputs.length === 0) refuse('the graph has no outputs, expected at least one');
  return {
    inputs: specsOf(
      'input',
      graph.inputs.filter(({ name }) => !weights.has(name)),
      names,
    ),
    outputs: specsOf('output', graph.outputs, names),
  };
}

function specsOf(role: string, values: readonly Value[], names: Names): TensorSpec[] {
  if (values.length > MAX_TENSORS)
    refuse(`the graph has ${values.length} ${role}s, at most ${MAX_TENSORS} are supported`);
  const seen = new Set<number>();
  return values.map(({ name: number, spec, problem }, index) => {
    const name = names.textOf(number);
    if (name === '') refuse(`${role} ${index} of the graph has no name`);
    if (name.length > MAX_NAME_LENGTH) {
      refuse(
        `${role} ${quote(name)} has a name of ${name.length} characters, at most ${MAX_NAME_LENGTH} are supported`,
      );
    }
    if (seen.has(number)) refuse(`the graph has two ${role}s named ${quote(name)}, expected each name once`);
    seen.add(number);
    return spec ?? refuse(`${role} ${quote(name)} ${problem}`);
  });
}

function notATensor(type: onnx.ITypeProto | null | undefined): string {
  const kind = kindOf(type);
  if (kind === undefined) return 'has no type, expected a tensor with element type and shape';
  return `is ${kind}, only tensors can be sent: export the model so that it takes and gives tensors`;
}

function kindOf(type: onnx.ITypeProto | null | undefined): string | undefined {
  if (type?.sequenceType) return 'a sequence';
  if (type?.mapType) return 'a map';
  if (type?.optionalType) return 'an optional';
  if (type?.sparseTensorType) return 'a sparse tensor';
  return undefined;
}

function notCarried(elementType: number): string {
  const carried = [...DATATYPES.keys()].map(elementTypeName).join(', ');
  return (
    `is of ${elementTypeName(elementType)}, which the Open Inference Protocol cannot carry: expected one of ${carried}; ` +
    'add a Cast at the edge of the graph'
  );
}
