/**
 * The messages of ONNX as far as they are walked: every field with its type, and whether the inspection reads it.
 * Source: onnx.proto of ONNX 1.20, whose fields are a superset of all versions before it.
 */

/** Protobuf's wire types. */
export const VARINT = 0;
export const FIXED64 = 1;
export const BYTES = 2;
export const FIXED32 = 5;

/** What stands in a field: `int` is any varint. */
type Kind = 'int' | 'float' | 'double' | 'string' | 'bytes';

export interface Field {
  number: number;
  name: string;
  kind: Kind | (() => Message);
  /** The wire types it may have: repeated numbers may be packed or stand one by one. */
  wires: readonly number[];
  repeated: boolean;
  /** Whether what is walked is also kept. */
  kept: boolean;
  /** Whether what is short of it goes into the details of the message it stands in. */
  detail: boolean;
  /** One of several alternatives, of which a message holds at most one. */
  alternative: boolean;
}

export interface Message {
  name: string;
  /** Whether it is handed over by itself as soon as it ends, instead of staying part of the message around it. */
  unit: boolean;
  /** Whether any of its fields are details. */
  detailed: boolean;
  fields: ReadonlyMap<number, Field>;
}

type Spec = [number: number, name: string, kind: Field['kind'], ...options: Option[]];
type Option = 'kept' | 'detail' | 'repeated' | 'alternative';

const WIRES: Record<Kind, number> = { int: VARINT, float: FIXED32, double: FIXED64, string: BYTES, bytes: BYTES };

/** Each is small by itself: together they are as many as a model has nodes, tensors and values. */
const UNITS = new Set([
  'AttributeProto',
  'FunctionProto',
  'GraphProto',
  'NodeProto',
  'SparseTensorProto',
  'TensorProto',
  'ValueInfoProto',
]);

function message(name: string, ...specs: Spec[]): Message {
  const fields = new Map<number, Field>();
  for (const [number, field, kind, ...options] of specs) {
    const repeated = options.includes('repeated');
    const wire = typeof kind === 'string' ? WIRES[kind] : BYTES;
    fields.set(number, {
      number,
      name: field,
      kind,
      wires: repeated && wire !== BYTES ? [wire, BYTES] : [wire],
      repeated,
      kept: options.includes('kept'),
      detail: options.includes('detail'),
      alternative: options.includes('alternative'),
    });
  }
  const detailed = specs.some(([, , , ...options]) => options.includes('detail'));
  return { name, unit: UNITS.has(name), detailed, fields };
}

const ENTRY = message('StringStringEntryProto', [1, 'key', 'string', 'kept'], [2, 'value', 'string', 'kept']);

const OPERATOR_SET = message('OperatorSetIdProto', [1, 'domain', 'string', 'kept'], [2, 'version', 'int', 'kept']);

const SEGMENT = message('TensorProto.Segment', [1, 'begin', 'int'], [2, 'end', 'int']);

const TENSOR = message(
  'TensorProto',
  [1, 'dims', 'int', 'repeated', 'kept'],
  [2, 'data_type', 'int', 'kept'],
  [3, 'segment', () => SEGMENT],
  [4, 'float_data', 'float', 'repeated', 'detail'],
  [5, 'int32_data', 'int', 'repeated', 'detail'],
  [6, 'string_data', 'bytes', 'repeated'],
  [7, 'int64_data', 'int', 'repeated', 'detail'],
  [8, 'name', 'string', 'kept'],
  [9, 'raw_data', 'bytes', 'detail'],
  [10, 'double_data', 'double', 'repeated', 'detail'],
  [11, 'uint64_data', 'int', 'repeated', 'detail'],
  [12, 'doc_string', 'string'],
  [13, 'external_data', () => ENTRY, 'repeated', 'kept'],
  [14, 'data_location', 'int', 'kept'],
  [16, 'metadata_props', () => ENTRY, 'repeated'],
);

const SPARSE_TENSOR = message(
  'SparseTensorProto',
  [1, 'values', () => TENSOR, 'kept'],
  [2, 'indices', () => TENSOR, 'kept'],
  [3, 'dims', 'int', 'repeated', 'kept'],
);

const DIMENSION = message(
  'TensorShapeProto.Dimension',
  [1, 'dim_value', 'int', 'kept', 'alternative'],
  [2, 'dim_param', 'string', 'kept', 'alternative'],
  [3, 'denotation', 'string'],
);
const SHAPE = message('TensorShapeProto', [1, 'dim', () => DIMENSION, 'repeated', 'kept']);
const TENSOR_TYPE = message('TypeProto.Tensor', [1, 'elem_type', 'int', 'kept'], [2, 'shape', () => SHAPE, 'kept']);
const ELEMENT_TYPE = message('TypeProto.Sequence', [1, 'elem_type', () => TYPE, 'kept']);
const MAP_TYPE = message('TypeProto.Map', [1, 'key_type', 'int', 'kept'], [2, 'value_type', () => TYPE, 'kept']);
const OPAQUE_TYPE = message('TypeProto.Opaque', [1, 'domain', 'string'], [2, 'name', 'string']);

const TYPE: Message = message(
  'TypeProto',
  [1, 'tensor_type', () => TENSOR_TYPE, 'kept', 'alternative'],
  [4, 'sequence_type', () => ELEMENT_TYPE, 'kept', 'alternative'],
  [5, 'map_type', () => MAP_TYPE, 'kept', 'alternative'],
  [6, 'denotation', 'string'],
  [7, 'opaque_type', () => OPAQUE_TYPE, 'alternative'],
  [8, 'sparse_tensor_type', () => TENSOR_TYPE, 'kept', 'alternative'],
  [9, 'optional_type', () => ELEMENT_TYPE, 'kept', 'alternative'],
);

const VALUE_INFO = message(
  'ValueInfoProto',
  [1, 'name', 'string', 'kept'],
  [2, 'type', () => TYPE, 'kept'],
  [3, 'doc_string', 'string'],
  [4, 'metadata_props', () => ENTRY, 'repeated'],
);

const ATTRIBUTE: Message = message(
  'AttributeProto',
  [1, 'name', 'string', 'kept'],
  [2, 'f', 'float', 'detail'],
  [3, 'i', 'int', 'detail'],
  [4, 's', 'bytes', 'detail'],
  [5, 't', () => TENSOR, 'kept'],
  [6, 'g', () => GRAPH, 'kept'],
  [7, 'floats', 'float', 'repeated', 'detail'],
  [8, 'ints', 'int', 'repeated', 'detail'],
  [9, 'strings', 'bytes', 'repeated'],
  [10, 'tensors', () => TENSOR, 'repeated', 'kept'],
  [11, 'graphs', () => GRAPH, 'repeated', 'kept'],
  [13, 'doc_string', 'string'],
  [14, 'tp', () => TYPE],
  [15, 'type_protos', () => TYPE, 'repeated'],
  [20, 'type', 'int', 'detail'],
  [21, 'ref_attr_name', 'string', 'detail'],
  [22, 'sparse_tensor', () => SPARSE_TENSOR, 'kept'],
  [23, 'sparse_tensors', () => SPARSE_TENSOR, 'repeated', 'kept'],
);

const NODE = message(
  'NodeProto',
  [1, 'input', 'string', 'repeated', 'kept'],
  [2, 'output', 'string', 'repeated', 'kept'],
  [3, 'name', 'string', 'kept'],
  [4, 'op_type', 'string', 'kept'],
  [5, 'attribute', () => ATTRIBUTE, 'repeated', 'kept'],
  [6, 'doc_string', 'string'],
  [7, 'domain', 'string', 'kept'],
  [8, 'overload', 'string'],
  [9, 'metadata_props', () => ENTRY, 'repeated'],
);

const ANNOTATION = message(
  'TensorAnnotation',
  [1, 'tensor_name', 'string'],
  [2, 'quant_parameter_tensor_names', () => ENTRY, 'repeated'],
);

const GRAPH: Message = message(
  'GraphProto',
  [1, 'node', () => NODE, 'repeated', 'kept'],
  [2, 'name', 'string'],
  [5, 'initializer', () => TENSOR, 'repeated', 'kept'],
  [10, 'doc_string', 'string'],
  [11, 'input', () => VALUE_INFO, 'repeated', 'kept'],
  [12, 'output', () => VALUE_INFO, 'repeated', 'kept'],
  [13, 'value_info', () => VALUE_INFO, 'repeated', 'kept'],
  [14, 'quantization_annotation', () => ANNOTATION, 'repeated'],
  [15, 'sparse_initializer', () => SPARSE_TENSOR, 'repeated', 'kept'],
  [16, 'metadata_props', () => ENTRY, 'repeated'],
);

const TRAINING = message(
  'TrainingInfoProto',
  [1, 'initialization', () => GRAPH],
  [2, 'algorithm', () => GRAPH],
  [3, 'initialization_binding', () => ENTRY, 'repeated'],
  [4, 'update_binding', () => ENTRY, 'repeated'],
);

const FUNCTION = message(
  'FunctionProto',
  [1, 'name', 'string', 'kept'],
  [4, 'input', 'string', 'repeated', 'kept'],
  [5, 'output', 'string', 'repeated', 'kept'],
  [6, 'attribute', 'string', 'repeated'],
  [7, 'node', () => NODE, 'repeated', 'kept'],
  [8, 'doc_string', 'string'],
  [9, 'opset_import', () => OPERATOR_SET, 'repeated', 'kept'],
  [10, 'domain', 'string', 'kept'],
  [11, 'attribute_proto', () => ATTRIBUTE, 'repeated', 'kept'],
  [12, 'value_info', () => VALUE_INFO, 'repeated', 'kept'],
  [13, 'overload', 'string'],
  [14, 'metadata_props', () => ENTRY, 'repeated'],
);

export const MODEL = message(
  'ModelProto',
  [1, 'ir_version', 'int', 'kept'],
  [2, 'producer_name', 'string', 'kept'],
  [3, 'producer_version', 'string', 'kept'],
  [4, 'domain', 'string'],
  [5, 'model_version', 'int'],
  [6, 'doc_string', 'string'],
  [7, 'graph', () => GRAPH, 'kept'],
  [8, 'opset_import', () => OPERATOR_SET, 'repeated', 'kept'],
  [14, 'metadata_props', () => ENTRY, 'repeated'],
  [20, 'training_info', () => TRAINING, 'repeated'],
  [25, 'functions', () => FUNCTION, 'repeated', 'kept'],
);
