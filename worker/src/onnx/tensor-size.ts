/** Whether a tensor's payload has the length that its dimensions and type ask for, told without reading the payload. */
import { refuse } from './refuse.ts';

export const MAX_RANK = 64;
const STRING = 8;
const EXTERNAL = 1;

interface ElementType {
  name: string;
  bits: number;
  /** The typed field that holds the elements when `raw_data` does not, and how many values one element takes there. */
  field: string;
  valuesPerElement: number;
}

function type(name: string, bits: number, field = 'int32_data', valuesPerElement = 1): ElementType {
  return { name, bits, field, valuesPerElement };
}

/** TensorProto.DataType. */
const ELEMENT_TYPES: ReadonlyMap<number, ElementType> = new Map([
  [1, type('FLOAT', 32, 'float_data')],
  [2, type('UINT8', 8)],
  [3, type('INT8', 8)],
  [4, type('UINT16', 16)],
  [5, type('INT16', 16)],
  [6, type('INT32', 32)],
  [7, type('INT64', 64, 'int64_data')],
  [STRING, type('STRING', 0, 'string_data')],
  [9, type('BOOL', 8)],
  [10, type('FLOAT16', 16)],
  [11, type('DOUBLE', 64, 'double_data')],
  [12, type('UINT32', 32, 'uint64_data')],
  [13, type('UINT64', 64, 'uint64_data')],
  [14, type('COMPLEX64', 64, 'float_data', 2)],
  [15, type('COMPLEX128', 128, 'double_data', 2)],
  [16, type('BFLOAT16', 16)],
  [17, type('FLOAT8E4M3FN', 8)],
  [18, type('FLOAT8E4M3FNUZ', 8)],
  [19, type('FLOAT8E5M2', 8)],
  [20, type('FLOAT8E5M2FNUZ', 8)],
  [21, type('UINT4', 4, 'int32_data', 1 / 2)],
  [22, type('INT4', 4, 'int32_data', 1 / 2)],
  [23, type('FLOAT4E2M1', 4, 'int32_data', 1 / 2)],
  [24, type('FLOAT8E8M0', 8)],
  [25, type('UINT2', 2, 'int32_data', 1 / 4)],
  [26, type('INT2', 2, 'int32_data', 1 / 4)],
]);

/** The name of a TensorProto.DataType, for sentences. */
export function elementTypeName(dataType: number): string {
  return ELEMENT_TYPES.get(dataType)?.name ?? `type ${dataType}`;
}

/**
 * The number of elements of a tensor with these dimensions.
 * @throws LeptonError `model_invalid` naming `path` when one is negative or the product is no safe integer
 */
export function elementCount(dims: readonly number[], path: string): number {
  for (const dim of dims) {
    if (dim < 0) refuse(`${path} has the dimensions [${dims.join(', ')}], expected none below 0`);
  }
  if (dims.includes(0)) return 0;
  const count = dims.reduce((product, dim) => product * dim, 1);
  if (!Number.isSafeInteger(count)) {
    refuse(`${path} has the dimensions [${dims.join(', ')}]: more elements than can be counted`);
  }
  return count;
}

/** Gathers what a TensorProto says of itself while its fields pass by in any order. */
export class TensorSize {
  readonly dims: number[] = [];
  private dataType = 0;
  private external = false;
  private rawBytes: number | undefined;
  /** Per typed field the least and the most values it may hold: a packed varint takes 1 to 10 bytes. */
  private readonly values = new Map<string, { least: number; most: number }>();

  /** A single number: an element that is not packed, a dimension, or a property. */
  number(field: string, value: number): void {
    if (field === 'dims') {
      if (this.dims.length >= MAX_RANK) refuse(`a tensor has more than ${MAX_RANK} dimensions`);
      this.dims.push(value);
    } else if (field === 'data_type') this.dataType = value;
    else if (field === 'data_location') this.external = value === EXTERNAL;
    else this.add(field, 1, 1);
  }

  /** A run of bytes: `raw_data`, one string, or a packed run of numbers. */
  bytes(field: string, length: number): void {
    if (field === 'raw_data') this.rawBytes = length;
    else if (field === 'string_data') this.add(field, 1, 1);
    else if (field === 'float_data') this.add(field, length / 4, length / 4);
    else if (field === 'double_data') this.add(field, length / 8, length / 8);
    else if (field.endsWith('_data')) this.add(field, Math.ceil(length / 10), length);
  }

  /** @throws LeptonError `model_invalid` naming `path` when dimensions, type and payload do not agree */
  check(path: string): void {
    const count = elementCount(this.dims, path);
    const type = ELEMENT_TYPES.get(this.dataType);
    if (!type) refuse(`${path} has the data type ${this.dataType}, which ONNX does not define`);
    if (this.external) return;
    const shape = `${type.name} ${JSON.stringify(this.dims)}`;
    if (this.rawBytes !== undefined) this.checkRaw(path, shape, type, count, this.rawBytes);
    else this.checkValues(path, shape, type, count);
  }

  private checkRaw(path: string, shape: string, type: ElementType, count: number, rawBytes: number): void {
    if (this.dataType === STRING) refuse(`${path} holds strings in raw_data, expected them in string_data`);
    const expected = Math.ceil((count * type.bits) / 8);
    if (rawBytes !== expected) {
      refuse(`${path} is ${shape}, which takes ${expected} bytes, but its raw_data holds ${rawBytes}`);
    }
  }

  private checkValues(path: string, shape: string, type: ElementType, count: number): void {
    const expected = Math.ceil(count * type.valuesPerElement);
    const { least, most } = this.values.get(type.field) ?? { least: 0, most: 0 };
    if (expected >= least && expected <= most) return;
    const found = least === most ? `${most}` : `between ${least} and ${most}`;
    refuse(`${path} is ${shape}, which takes ${expected} values, but its ${type.field} holds ${found}`);
  }

  private add(field: string, least: number, most: number): void {
    const sum = this.values.get(field) ?? { least: 0, most: 0 };
    this.values.set(field, { least: sum.least + least, most: sum.most + most });
  }
}
