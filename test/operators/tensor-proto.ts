/** A TensorProto file of ONNX's test data as a tensor of the protocol. Source: onnx.proto of ONNX 1.20. */
import { ARRAY_TYPE, type Datatype, type FixedDatatype, type Tensor } from '@lepton-edge/protocol';
import onnxProto, { type onnx as Onnx } from 'onnx-proto';
import { ELEMENT_TYPE } from '../../gpu-node/src/testing/onnx-file.ts';

const { onnx } = onnxProto;

/** TensorProto.DataType, as far as the protocol has a datatype for it. */
const DATATYPE = new Map(Object.entries(ELEMENT_TYPE).map(([datatype, type]) => [type, datatype as Datatype]));

/**
 * @param name what the graph calls it, whatever the file says
 * @throws Error for an element type that the protocol does not have
 */
export function readTensorProto(bytes: Uint8Array, name: string): Tensor {
  const proto = onnx.TensorProto.decode(bytes);
  const datatype = DATATYPE.get(proto.dataType);
  if (!datatype) throw new Error(`element type ${proto.dataType} has no datatype`);
  const shape = proto.dims.map(Number);
  if (datatype === 'BYTES')
    return { name, datatype, shape, data: proto.stringData.map((text) => Uint8Array.from(text)) };
  // A slice is aligned, what it is a slice of need not be.
  const data = proto.rawData.length > 0 ? fromRaw(proto.rawData.slice(), datatype) : fromFields(proto, datatype);
  const count = shape.reduce((product, size) => product * size, 1);
  if (data.length !== count) throw new Error(`${name}: ${data.length} elements do not fill [${shape}]`);
  return { name, datatype, shape, data };
}

function fromRaw(raw: Uint8Array, datatype: FixedDatatype) {
  const { buffer, byteOffset, byteLength } = Uint8Array.from(raw);
  const Type = ARRAY_TYPE[datatype];
  return new Type(buffer, byteOffset, byteLength / Type.BYTES_PER_ELEMENT);
}

function fromFields(proto: Onnx.TensorProto, datatype: FixedDatatype) {
  switch (datatype) {
    case 'FP32':
      return Float32Array.from(proto.floatData);
    case 'FP64':
      return Float64Array.from(proto.doubleData);
    case 'INT64':
      return BigInt64Array.from(proto.int64Data, (value) => BigInt(String(value)));
    case 'UINT64':
      return BigUint64Array.from(proto.uint64Data, (value) => BigInt(String(value)));
    case 'UINT32':
      return Uint32Array.from(proto.uint64Data, Number);
    default:
      return ARRAY_TYPE[datatype].from(proto.int32Data);
  }
}
