/**
 * Tensors as they cross to where ONNX Runtime runs: its types, strings decoded, buffers ready to be moved. Of the protocol
 * only its types are used: its code would take longer to load than a small model, in every thread.
 */
import type { Datatype, Tensor } from '@lepton-edge/protocol';
import type { Tensor as OrtTensor } from 'onnxruntime-node';
import { EngineError } from '../engine.ts';

export interface WireTensor {
  name: string;
  type: OrtTensor.Type;
  dims: readonly number[];
  data: Exclude<Tensor['data'], Uint8Array[]> | string[];
}

/** BF16 is missing: the Node binding of ONNX Runtime has no such tensors. */
const ORT_TYPE: Partial<Record<Datatype, OrtTensor.Type>> = {
  BOOL: 'bool',
  UINT8: 'uint8',
  UINT16: 'uint16',
  UINT32: 'uint32',
  UINT64: 'uint64',
  INT8: 'int8',
  INT16: 'int16',
  INT32: 'int32',
  INT64: 'int64',
  FP16: 'float16',
  FP32: 'float32',
  FP64: 'float64',
  BYTES: 'string',
};

const DATATYPE = new Map(Object.entries(ORT_TYPE).map(([datatype, type]) => [type, datatype as Datatype]));

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const encoder = new TextEncoder();

/** The datatype of one of ONNX Runtime's types, undefined for one that the protocol does not have. */
export function datatypeOf(type: string): Datatype | undefined {
  return DATATYPE.get(type as OrtTensor.Type);
}

/** @throws EngineError `refused` for what ONNX Runtime's Node binding cannot hold. */
export function toWire({ name, datatype, shape, data }: Tensor): WireTensor {
  const type = ORT_TYPE[datatype];
  if (!type) throw new EngineError('refused', `input ${JSON.stringify(name)}: ${datatype} does not run on this engine`);
  return { name, type, dims: shape, data: Array.isArray(data) ? data.map((bytes) => decode(bytes, name)) : data };
}

/** @throws EngineError `refused` when the model made a type that the protocol does not have. */
export function fromWire({ name, type, dims, data }: WireTensor): Tensor {
  const datatype = datatypeOf(type);
  if (!datatype) {
    throw new EngineError('refused', `output ${JSON.stringify(name)} is ${type}: the protocol has no such datatype`);
  }
  const bytes = isStrings(data) ? data.map((text) => encoder.encode(text)) : data;
  return { name, datatype, shape: [...dims], data: bytes };
}

/** The buffers to move with a message, each once: several tensors may be views of one body. */
export function buffersOf(tensors: readonly WireTensor[]): ArrayBuffer[] {
  const buffers = new Set<ArrayBuffer>();
  for (const { data } of tensors) {
    if (!isStrings(data)) buffers.add(data.buffer);
  }
  return [...buffers];
}

function isStrings(data: WireTensor['data']): data is string[] {
  return Array.isArray(data);
}

function decode(bytes: Uint8Array, name: string): string {
  // The binding hands strings over as C strings: it would cut them here without a word.
  if (bytes.includes(0)) {
    throw new EngineError('refused', `input ${JSON.stringify(name)}: expected text, got an element with a zero byte`);
  }
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    const message = `input ${JSON.stringify(name)}: expected text in UTF-8, got other bytes`;
    throw new EngineError('refused', message, cause);
  }
}
