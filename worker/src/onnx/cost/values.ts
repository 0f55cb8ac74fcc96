/** Arithmetic on the few values that shapes are computed from: what the runtime would compute, or not known. */
import { BOOL, DOUBLE, elementsOf, FLOAT, MAX_VALUES, shaped, type Tensor, type Value } from './tensor.ts';

/** The integers that TensorProto.DataType knows, as far as a number holds them. */
const RANGES: ReadonlyMap<number, readonly [least: number, most: number]> = new Map([
  [2, [0, 255]],
  [3, [-128, 127]],
  [4, [0, 65_535]],
  [5, [-32_768, 32_767]],
  [6, [-(2 ** 31), 2 ** 31 - 1]],
  [7, [Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER]],
  [BOOL, [0, 1]],
  [12, [0, 2 ** 32 - 1]],
  [13, [0, Number.MAX_SAFE_INTEGER]],
]);

export function isInteger(type: number): boolean {
  return RANGES.has(type);
}

/** A result as its type holds it. What would overflow is not known, as are types whose rounding is not followed. */
export function rounded(type: number, value: number): Value {
  const range = RANGES.get(type);
  if (range) return Number.isInteger(value) && value >= range[0] && value <= range[1] ? value : undefined;
  if (!Number.isFinite(value)) return undefined;
  if (type === FLOAT) return Math.fround(value);
  return type === DOUBLE ? value : undefined;
}

/** Whether a value may be reckoned with: integers beyond 2^53 are only good for being cut off at a dimension. */
function usable(type: number, value: Value): value is number {
  return value !== undefined && (isInteger(type) ? Number.isSafeInteger(value) : true);
}

/**
 * `out` with values computed from those of `tensors`, each broadcast to it; a basic operation on floats is rounded once,
 * as IEEE 754 demands.
 */
export function withValues(out: Tensor, tensors: readonly Tensor[], compute: (values: number[]) => Value): Tensor {
  const { shape } = out;
  if (!shape || tensors.some(({ values }) => !values)) return out;
  const count = elementsOf(shape);
  if (count > MAX_VALUES) return out;
  const values = Array.from({ length: count }, (_, index) => {
    const operands: number[] = [];
    for (const { type, values: own, shape: from } of tensors) {
      const value = own?.[sourceOf(index, shape, from ?? [])];
      if (!usable(type, value)) return undefined;
      operands.push(value);
    }
    const result = compute(operands);
    return result === undefined ? undefined : rounded(out.type, result);
  });
  return shaped(out.type, shape, values);
}

/**
 * Values put into the shape `to`: `source` tells for the place along each axis of it which place along which axis of `from`
 * that is.
 */
export function rearranged(
  values: readonly Value[],
  from: readonly number[],
  to: readonly number[],
  source: (axis: number, at: number) => readonly [axis: number, at: number],
): Value[] | undefined {
  const count = elementsOf(to);
  if (count > MAX_VALUES) return undefined;
  const strides = from.map((_, axis) => elementsOf(from.slice(axis + 1)));
  return Array.from({ length: count }, (_, index) => {
    let rest = index;
    let offset = 0;
    for (let axis = to.length - 1; axis >= 0; axis -= 1) {
      const size = to[axis] ?? 1;
      const [ownAxis, at] = source(axis, rest % size);
      offset += at * (strides[ownAxis] ?? 0);
      rest = Math.floor(rest / size);
    }
    return values[offset];
  });
}

/** The index into a tensor of shape `from` that is broadcast to `index` of one of shape `to`. */
function sourceOf(index: number, to: readonly number[], from: readonly number[]): number {
  let rest = index;
  let source = 0;
  let stride = 1;
  for (let axis = to.length - 1; axis >= 0; axis -= 1) {
    const size = to[axis] ?? 1;
    const own = from[axis - to.length + from.length] ?? 1;
    const at = rest % size;
    rest = Math.floor(rest / size);
    if (own !== 1) source += at * stride;
    stride *= own;
  }
  return source;
}
