/**
 * The datatypes of the Open Inference Protocol and how each is held in memory.
 * Source: Open Inference Protocol v2, "Tensor Data Types" and "Tensor Data".
 */
import { z } from 'zod';

export const DATATYPES = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
  'BF16',
  'BYTES',
] as const;

export const Datatype = z.enum(DATATYPES);
export type Datatype = z.infer<typeof Datatype>;

/** Every datatype but BYTES has elements of one size. */
export type FixedDatatype = Exclude<Datatype, 'BYTES'>;

/** The array an element type lives in: BOOL as 0 or 1, FP16 and BF16 as their bit patterns. */
export const ARRAY_TYPE = {
  BOOL: Uint8Array,
  UINT8: Uint8Array,
  UINT16: Uint16Array,
  UINT32: Uint32Array,
  UINT64: BigUint64Array,
  INT8: Int8Array,
  INT16: Int16Array,
  INT32: Int32Array,
  INT64: BigInt64Array,
  FP16: Uint16Array,
  FP32: Float32Array,
  FP64: Float64Array,
  BF16: Uint16Array,
} as const satisfies Record<FixedDatatype, unknown>;

/** ONNX Runtime's names of element types. BF16 is missing: its JavaScript bindings have no such tensors. */
export const ORT_TYPE = {
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
} as const satisfies Record<Exclude<Datatype, 'BF16'>, string>;

const OF_ORT_TYPE = new Map<string, Datatype>(
  Object.entries(ORT_TYPE).map(([datatype, type]) => [type, datatype as Datatype]),
);

/** The datatype of one of ONNX Runtime's types, undefined for one that the protocol does not have. */
export function datatypeOfOrt(type: string): Datatype | undefined {
  return OF_ORT_TYPE.get(type);
}

export type NumericArray =
  | Uint8Array<ArrayBuffer>
  | Int8Array<ArrayBuffer>
  | Uint16Array<ArrayBuffer>
  | Int16Array<ArrayBuffer>
  | Uint32Array<ArrayBuffer>
  | Int32Array<ArrayBuffer>
  | BigUint64Array<ArrayBuffer>
  | BigInt64Array<ArrayBuffer>
  | Float32Array<ArrayBuffer>
  | Float64Array<ArrayBuffer>;

/** Integer datatypes with the range of values they hold. */
export const INTEGER_RANGE: Partial<Record<Datatype, readonly [min: number, max: number]>> = {
  UINT8: [0, 255],
  UINT16: [0, 65_535],
  UINT32: [0, 4_294_967_295],
  INT8: [-128, 127],
  INT16: [-32_768, 32_767],
  INT32: [-2_147_483_648, 2_147_483_647],
};

export const BIG_RANGE: Record<'UINT64' | 'INT64', readonly [min: bigint, max: bigint]> = {
  UINT64: [0n, 2n ** 64n - 1n],
  INT64: [-(2n ** 63n), 2n ** 63n - 1n],
};

/** Bytes of one element, or undefined for BYTES, whose elements have no fixed size. */
export function elementSize(datatype: FixedDatatype): number;
export function elementSize(datatype: Datatype): number | undefined;
export function elementSize(datatype: Datatype): number | undefined {
  return datatype === 'BYTES' ? undefined : ARRAY_TYPE[datatype].BYTES_PER_ELEMENT;
}
