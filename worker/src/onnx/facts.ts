/** What is kept of attributes, small tensors and declared shapes, so that shapes can be followed through a graph. */
import type { onnx } from 'onnx-proto';
import type { Details } from './details.ts';
import type { Frame } from './frame.ts';
import type { Attribute, Declared, TensorFacts } from './model.ts';

/**
 * All facts of a model together, in units of about a number each. Those of a model beyond it are let go: it is inspected
 * all the same, but its cost is not known.
 */
const MAX_UNITS = 1_500_000;
const ATTRIBUTE_UNITS = 10;
const TENSOR_UNITS = 8;
const DECLARED_UNITS = 8;
const CHARACTERS_PER_UNIT = 4;
/** Floats decide shapes as scales of images and as ranges, few at a time; longer ones are weights. */
const MAX_FLOATS = 16;
const MAX_INTEGERS = 64;
const MAX_RANK = 64;

const FLOAT = 1;
const DOUBLE = 11;

/** TensorProto.DataType of the integers (BOOL is one) → bytes of an element, and the least and the most it can be. */
const INTEGERS: ReadonlyMap<number, readonly [bytes: number, least: number, most: number]> = new Map([
  [2, [1, 0, 255]],
  [3, [1, -128, 127]],
  [4, [2, 0, 65_535]],
  [5, [2, -32_768, 32_767]],
  [6, [4, -(2 ** 31), 2 ** 31 - 1]],
  [7, [8, -(2 ** 63), 2 ** 63]],
  [9, [1, 0, 1]],
  [12, [4, 0, 2 ** 32 - 1]],
  [13, [8, 0, 2 ** 63]],
]);

export class Facts {
  private left = MAX_UNITS;

  /** Whether everything that was asked for was kept. */
  get whole(): boolean {
    return this.left >= 0;
  }

  /** Of a tensor with these dimensions; undefined once there are too many. */
  tensor({ details }: Frame, dims: readonly number[], type: number, external: boolean): TensorFacts | undefined {
    if (!this.whole) return undefined;
    const count = dims.reduce((product, dim) => product * dim, 1);
    const values = external || !details ? undefined : valuesOf(type, count, details);
    this.left -= TENSOR_UNITS + dims.length + (values?.length ?? 0);
    return { dims: [...dims], type, values };
  }

  attribute({ details }: Frame, name: string, tensor: TensorFacts | undefined): Attribute | undefined {
    if (!this.whole || !details) return undefined;
    const ints = details.numbers('ints');
    const floats = details.numbers('floats');
    const text = details.text('s');
    const reference = details.text('ref_attr_name');
    const characters = name.length + (text?.length ?? 0) + (reference?.length ?? 0);
    this.left -=
      ATTRIBUTE_UNITS + (ints?.length ?? 0) + (floats?.length ?? 0) + Math.ceil(characters / CHARACTERS_PER_UNIT);
    const attribute: Attribute = { name, type: details.numbers('type')?.[0] ?? 0, truncated: details.truncated };
    if (reference) attribute.reference = reference;
    if (details.truncated) return attribute;
    const int = details.numbers('i')?.[0];
    const float = details.numbers('f')?.[0];
    if (int !== undefined) attribute.int = int;
    if (float !== undefined) attribute.float = float;
    if (ints) attribute.ints = ints;
    if (floats) attribute.floats = floats;
    if (text !== undefined) attribute.text = text;
    if (tensor) attribute.tensor = tensor;
    return attribute;
  }

  /** The shape a file says a tensor has; undefined when it says nothing. */
  declared({ name, type }: onnx.IValueInfoProto): Declared | undefined {
    const dim = type?.tensorType?.shape?.dim;
    if (!this.whole || !dim) return undefined;
    const dims = dim.slice(0, MAX_RANK + 1).map((size) => {
      if (size.dimParam) return size.dimParam;
      return Object.hasOwn(size, 'dimValue') ? Number(size.dimValue) : -1;
    });
    const characters = dims.reduce<number>((sum, size) => sum + (typeof size === 'string' ? size.length : 0), 0);
    this.left -= DECLARED_UNITS + dims.length + Math.ceil(((name?.length ?? 0) + characters) / CHARACTERS_PER_UNIT);
    return { name: name ?? '', dims };
  }
}

function valuesOf(type: number, count: number, details: Details): readonly number[] | undefined {
  if (details.truncated) return undefined;
  const integer = INTEGERS.get(type);
  if (integer && count <= MAX_INTEGERS) return integersOf(type, count, details, integer);
  const size = type === FLOAT ? 4 : type === DOUBLE ? 8 : undefined;
  if (size === undefined || count > MAX_FLOATS) return undefined;
  const typed = details.numbers(type === FLOAT ? 'float_data' : 'double_data');
  const raw = details.raw('raw_data');
  if (raw && typed) return undefined;
  if (!raw) return sized(typed ?? [], count);
  const view = viewOf(raw);
  return raw.length === count * size
    ? Array.from({ length: count }, (_, at) =>
        size === 4 ? view.getFloat32(at * 4, true) : view.getFloat64(at * 8, true),
      )
    : undefined;
}

function integersOf(
  type: number,
  count: number,
  details: Details,
  [size, least, most]: readonly [number, number, number],
): readonly number[] | undefined {
  const typed = details.numbers(type === 7 ? 'int64_data' : type === 12 || type === 13 ? 'uint64_data' : 'int32_data');
  const raw = details.raw('raw_data');
  if (raw && typed) return undefined;
  if (!raw) {
    const values = sized(typed ?? [], count);
    return values?.every((value) => value >= least && value <= most) ? values : undefined;
  }
  if (raw.length !== count * size) return undefined;
  const view = viewOf(raw);
  return Array.from({ length: count }, (_, at) => integerAt(view, at * size, size, least < 0));
}

function integerAt(view: DataView, at: number, size: number, signed: boolean): number {
  if (size === 1) return signed ? view.getInt8(at) : view.getUint8(at);
  if (size === 2) return signed ? view.getInt16(at, true) : view.getUint16(at, true);
  if (size === 4) return signed ? view.getInt32(at, true) : view.getUint32(at, true);
  return Number(signed ? view.getBigInt64(at, true) : view.getBigUint64(at, true));
}

function sized(values: readonly number[], count: number): readonly number[] | undefined {
  return values.length === count ? values : undefined;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}
