/** The tensors a model takes and gives, in the terms of the Open Inference Protocol. */
import type { Datatype, TensorSpec } from '@lepton-edge/protocol';
import type { onnx } from 'onnx-proto';
import { type Graph, numberOf } from './model.ts';
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

/**
 * Graph inputs that an initializer gives a value are no inputs: that value is a weight.
 * @throws LeptonError `model_invalid` for whatever cannot be sent over the protocol
 */
export function signatureOf(graph: Graph): Signature {
  const weights = new Set((graph.initializer ?? []).map(({ name }) => name ?? ''));
  for (const { values } of graph.sparseInitializer ?? []) weights.add(values?.name ?? '');
  const inputs = (graph.input ?? []).filter(({ name }) => !weights.has(name ?? ''));
  const outputs = graph.output ?? [];
  if (outputs.length === 0) refuse('the graph has no outputs, expected at least one');
  return { inputs: specsOf('input', inputs), outputs: specsOf('output', outputs) };
}

function specsOf(role: string, values: readonly onnx.IValueInfoProto[]): TensorSpec[] {
  if (values.length > MAX_TENSORS)
    refuse(`the graph has ${values.length} ${role}s, at most ${MAX_TENSORS} are supported`);
  const names = new Set<string>();
  return values.map((value, index) => {
    const name = value.name ?? '';
    if (name === '') refuse(`${role} ${index} of the graph has no name`);
    if (name.length > MAX_NAME_LENGTH) {
      refuse(
        `${role} ${quote(name)} has a name of ${name.length} characters, at most ${MAX_NAME_LENGTH} are supported`,
      );
    }
    if (names.has(name)) refuse(`the graph has two ${role}s named ${quote(name)}, expected each name once`);
    names.add(name);
    const what = `${role} ${quote(name)}`;
    const { elemType, shape } = tensorTypeOf(what, value.type);
    return { name, datatype: datatypeOf(what, numberOf(elemType)), shape: shapeOf(what, shape) };
  });
}

function tensorTypeOf(what: string, type: onnx.ITypeProto | null | undefined): onnx.TypeProto.ITensor {
  if (type?.tensorType) return type.tensorType;
  const kind = kindOf(type);
  return refuse(
    kind === undefined
      ? `${what} has no type, expected a tensor with element type and shape`
      : `${what} is ${kind}, only tensors can be sent: export the model so that it takes and gives tensors`,
  );
}

function kindOf(type: onnx.ITypeProto | null | undefined): string | undefined {
  if (type?.sequenceType) return 'a sequence';
  if (type?.mapType) return 'a map';
  if (type?.optionalType) return 'an optional';
  if (type?.sparseTensorType) return 'a sparse tensor';
  return undefined;
}

function datatypeOf(what: string, elementType: number): Datatype {
  const datatype = DATATYPES.get(elementType);
  if (datatype) return datatype;
  return refuse(
    `${what} is of ${elementTypeName(elementType)}, which the Open Inference Protocol cannot carry: ` +
      `expected one of ${[...DATATYPES.keys()].map(elementTypeName).join(', ')}; add a Cast at the edge of the graph`,
  );
}

function shapeOf(what: string, shape: onnx.ITensorShapeProto | null | undefined): number[] {
  if (!shape) {
    refuse(
      `${what} has no shape, so not even its rank is known: export the model with shapes, or add them with ` +
        'onnx.shape_inference.infer_shapes',
    );
  }
  const dims = shape.dim ?? [];
  if (dims.length > MAX_RANK) refuse(`${what} has ${dims.length} dimensions, at most ${MAX_RANK} are supported`);
  return dims.map(({ dimValue }) => {
    const dim = numberOf(dimValue);
    if (dim > 0 && !Number.isSafeInteger(dim)) refuse(`${what} has a dimension of ${dim}, more than can be counted`);
    return dim > 0 ? dim : DYNAMIC;
  });
}
