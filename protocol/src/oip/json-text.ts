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
      return encodeFloats(Array.from(data as Uint16Array, fromHalf));
    case 'FP32':
    case 'FP64':
      return encodeFloats(numbersOf(data as Float32Array | Float64Array));
    case 'INT64':
    case 'UINT64':
      return encodeBig(data as BigInt64Array | BigUint64Array);
    default:
      return textOf(numbersOf(data as Int32Array));
  }
}

/** Most are small enough to be numbers, which are written in half the time. */
function encodeBig(data: BigInt64Array | BigUint64Array): string {
  const halves = new Uint32Array(data.buffer, data.byteOffset, 2 * data.length);
  const numbers = new Array<number>(data.length);
  for (let i = 0; i < data.length; i++) {
    if (halves[2 * i + 1] !== 0) return data.join(',');
    numbers[i] = halves[2 * i] as number;
  }
  return textOf(numbers);
}

function encodeFloats(numbers: number[]): string {
  return isPlain(numbers) ? textOf(numbers) : numbers.map(encodeFloat).join(',');
}

/** Faster than Array.from, which iterates. */
function numbersOf(data: Float32Array | Float64Array | Int32Array): number[] {
  const numbers = new Array<number>(data.length);
  for (let i = 0; i < data.length; i++) numbers[i] = data[i] as number;
  return numbers;
}

/** Faster than joining them. */
function textOf(numbers: number[]): string {
  return JSON.stringify(numbers).slice(1, -1);
}

/** Whether JSON.stringify writes each as it is: not so NaN, infinities and negative zero. */
function isPlain(numbers: number[]): boolean {
  for (let i = 0; i < numbers.length; i++) {
    const value = numbers[i] as number;
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
