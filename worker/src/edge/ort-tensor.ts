/** Our tensors as ONNX Runtime's, and back. */
import {
  ARRAY_TYPE,
  type Datatype,
  datatypeOfOrt,
  LeptonError,
  ORT_TYPE,
  type Tensor,
  type TensorSpec,
  tensorBytes,
} from '@lepton-edge/protocol';
import { type InferenceSession, Tensor as OrtTensor } from 'onnxruntime-web/wasm';

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Views our data, copies nothing but strings. @throws LeptonError `invalid_tensor` for what the runtime cannot take. */
export function toOrt(tensor: Tensor): OrtTensor {
  if (tensor.datatype === 'BF16') {
    throw new LeptonError('invalid_tensor', `input "${tensor.name}": BF16 cannot be run at the edge`);
  }
  const type = ORT_TYPE[tensor.datatype];
  const data = Array.isArray(tensor.data) ? tensor.data.map((bytes) => decodeString(bytes, tensor.name)) : tensor.data;
  return new OrtTensor(type as 'float32', data as Float32Array, tensor.shape);
}

/** Takes over the runtime's data; it is ours from here. */
export function fromOrt(name: string, tensor: OrtTensor): Tensor {
  const datatype = datatypeOfOrt(tensor.type);
  if (!datatype) throw new LeptonError('inference_failed', `output "${name}" is ${tensor.type}, which has no datatype`);
  const shape = [...tensor.dims];
  if (datatype === 'BYTES') {
    return { name, datatype, shape, data: (tensor.data as string[]).map((text) => encoder.encode(text)) };
  }
  const { buffer, byteOffset, length } = tensor.data as Uint8Array<ArrayBuffer>;
  return {
    name,
    datatype,
    shape,
    data: new ARRAY_TYPE[datatype as Exclude<Datatype, 'BYTES'>](buffer, byteOffset, length),
  };
}

/** Of all of them together. */
export function bytesOf(tensors: readonly Tensor[]): number {
  return tensors.reduce((sum, tensor) => sum + tensorBytes(tensor), 0);
}

/** A session's input or output as a signature tells it. @throws LeptonError `model_invalid` for what is no tensor */
export function specOf(value: InferenceSession.ValueMetadata): TensorSpec {
  const datatype = value.isTensor ? datatypeOfOrt(value.type) : undefined;
  if (!value.isTensor || !datatype) {
    throw new LeptonError('model_invalid', `${JSON.stringify(value.name)} is no tensor, only tensors can be sent`);
  }
  const shape = value.shape.map((size) => (typeof size === 'number' && size >= 0 ? size : -1));
  return { name: value.name, datatype, shape };
}

function decodeString(bytes: Uint8Array, name: string): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new LeptonError('invalid_tensor', `input "${name}": expected strings in UTF-8`, { cause });
  }
}
