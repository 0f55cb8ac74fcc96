/** Tensors as JSON text: flat data; what JSON has no number for as the strings "NaN", "Infinity" and "-Infinity". */
import { LeptonError } from '../errors.ts';
import { fromHalf } from '../tensor/half.ts';
import { shapeText, type Tensor } from '../tensor/tensor.ts';

/** A byte order mark is part of an element. */
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Tensors as a JSON array. @throws LeptonError `invalid_tensor` for data JSON cannot hold */
export function encodeTensors(tensors: readonly Tensor[]): string {
  return `[${tensors.map(encodeTensor).join(',')}]`;
}

/** @throws LeptonError `invalid_tensor` for data JSON cannot hold */
export function encodeTensor(tensor: Tensor): string {
  return `{${headText(tensor)},"data":[${encodeElements(tensor)}]}`;
}

/** Name, datatype and shape, without braces. */
export function headText({ name, datatype, shape }: Tensor): string {
  return `"name":${JSON.stringify(name)},"datatype":"${datatype}","shape":${shapeText(shape)}`;
}

function encodeElements({ name, data, datatype }: Tensor): string {
  if (Array.isArray(data)) return data.map((bytes) => encodeString(bytes, name)).join(',');
  switch (datatype) {
    case 'BF16':
      throw new LeptonError('invalid_tensor', `${JSON.stringify(name)}: BF16 has no JSON form, ask for binary data`);
    case 'BOOL':
      return Array.from(data as Uint8Array, (value) => (value ? 'true' : 'false')).join(',');
    case 'FP16':
      return encodeFloats(Float64Array.from(data as Uint16Array, fromHalf));
    case 'FP32':
    case 'FP64':
      return encodeFloats(data as Float32Array | Float64Array);
    case 'INT64':
    case 'UINT64':
      return encodeBig(data as BigInt64Array | BigUint64Array);
    default:
      return data.join(',');
  }
}

/** Most are small enough to be numbers, which are written in half the time. */
function encodeBig(data: BigInt64Array | BigUint64Array): string {
  const halves = new Uint32Array(data.buffer, data.byteOffset, 2 * data.length);
  const numbers = new Array<number>(data.length);
  for (let i = 0; i < data.length; i++) {
    const high = halves[2 * i + 1] as number;
    if (high !== 0) return data.join(',');
    numbers[i] = halves[2 * i] as number;
  }
  return JSON.stringify(numbers).slice(1, -1);
}

function encodeFloats(data: Float32Array | Float64Array): string {
  // Half the time that joining them takes.
  return isPlain(data) ? JSON.stringify(Array.from(data)).slice(1, -1) : Array.from(data, encodeFloat).join(',');
}

/** Whether JSON.stringify writes each as it is: not so NaN, infinities and negative zero. */
function isPlain(data: Float32Array | Float64Array): boolean {
  for (let i = 0; i < data.length; i++) {
    const value = data[i] as number;
    if (value === 0 ? 1 / value < 0 : value - value !== 0) return false;
  }
  return true;
}

function encodeFloat(value: number): string {
  if (!Number.isFinite(value)) return `"${value}"`;
  // Without the point, some readers would make an integer of it, which has no sign.
  return Object.is(value, -0) ? '-0.0' : String(value);
}

function encodeString(bytes: Uint8Array, name: string): string {
  try {
    return JSON.stringify(decoder.decode(bytes));
  } catch (cause) {
    const sentence = `${JSON.stringify(name)} holds bytes that are not UTF-8: ask for binary data`;
    throw new LeptonError('invalid_tensor', sentence, { cause });
  }
}
