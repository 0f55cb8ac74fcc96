/** A tensor as far as a file tells of it: its exact shape or at least how large it can be, and its values when they are few. */

/** TensorProto.DataType. */
export const FLOAT = 1;
export const UINT8 = 2;
export const INT32 = 6;
export const INT64 = 7;
export const BOOL = 9;
export const DOUBLE = 11;
export const STRING = 8;

/** More are not followed: shapes are computed from as many values as a tensor has dimensions. */
export const MAX_VALUES = 256;
/** Of shapes that are followed; real ones have eight at most. */
const MAX_RANK = 16;

export interface Tensor {
  /** TensorProto.DataType; 0 where it is not told. */
  type: number;
  /** Exact; undefined when it depends on data. */
  shape: readonly number[] | undefined;
  /**
   * Elements at most, where each dimension counts as 1 at least: an empty tensor may become a large one by losing a
   * dimension, and so this does not grow when one is removed.
   */
  most: number;
  /** In row-major order, told only together with `shape`; undefined stands for one that is not known. */
  values: readonly Value[] | undefined;
  /** Whether the runtime may compute it when it loads the model. */
  constant: boolean;
}

export type Value = number | undefined;

/** Says why a model's cost is not known, in words that follow a colon. */
export class Unbounded extends Error {
  /** Whether it says where. */
  readonly placed: boolean;

  constructor(because: string, placed = false) {
    super(because);
    this.placed = placed;
  }
}

/** @throws Unbounded, always. */
export function unbounded(because: string): never {
  throw new Unbounded(because);
}

/** A number that was computed without rounding. */
export function exact(value: number): number {
  if (!Number.isSafeInteger(value)) unbounded('it has more elements or takes more steps than can be counted');
  return value;
}

export function times(...factors: readonly number[]): number {
  if (factors.includes(0)) return 0;
  return factors.reduce((product, factor) => exact(product * factor), 1);
}

export function plus(...terms: readonly number[]): number {
  return terms.reduce((sum, term) => exact(sum + term), 0);
}

/** Elements of a tensor of this shape. */
export function elementsOf(shape: readonly number[]): number {
  return times(...shape);
}

/** A tensor of this exact shape; `values` are dropped when they are too many. */
export function shaped(type: number, shape: readonly number[], values?: readonly Value[]): Tensor {
  if (shape.length > MAX_RANK) unbounded(`a tensor has ${shape.length} dimensions, at most ${MAX_RANK} are followed`);
  for (const dim of shape) {
    if (dim < 0 || !Number.isSafeInteger(dim)) unbounded(`a tensor would be of the shape [${shape.join(', ')}]`);
  }
  const most = times(...shape.map((dim) => Math.max(1, dim)));
  const told = values && values.length <= MAX_VALUES && values.length === elementsOf(shape) ? values : undefined;
  return { type, shape, most, values: told, constant: false };
}

/** A tensor of some shape with at most so many elements, counted as `most` is. */
export function bounded(type: number, most: number): Tensor {
  return { type, shape: undefined, most: Math.max(1, exact(most)), values: undefined, constant: false };
}

/** One value, or one that is not known. */
export function scalar(type: number, value?: number): Tensor {
  return shaped(type, [], [value]);
}

/** Bits of an element of each TensorProto.DataType; what is not listed has 64. */
const BITS: ReadonlyMap<number, number> = new Map([
  [1, 32],
  [2, 8],
  [3, 8],
  [4, 16],
  [5, 16],
  [6, 32],
  [9, 8],
  [10, 16],
  [12, 32],
  [15, 128],
  [16, 16],
  [17, 8],
  [18, 8],
  [19, 8],
  [20, 8],
  [STRING, 512],
]);

/** In memory, from above. */
export function bytesOf({ type, most }: Tensor): number {
  return Math.ceil((most * (BITS.get(type) ?? 64)) / 8);
}

export function sameShape(left: readonly number[], right: readonly number[]): boolean {
  return left.length === right.length && left.every((dim, axis) => dim === right[axis]);
}

/** As numpy: a negative axis counts from the end. */
export function axisOf(axis: number, rank: number): number {
  const positive = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || positive < 0 || positive >= rank) {
    unbounded(`it asks for axis ${axis} of a tensor of rank ${rank}`);
  }
  return positive;
}

/** Distinct axes, positive and in the order given. */
export function axesOf(axes: readonly number[], rank: number): number[] {
  const positive = axes.map((axis) => axisOf(axis, rank));
  if (new Set(positive).size < positive.length) unbounded(`it names an axis twice: ${axes.join(', ')}`);
  return positive;
}

/**
 * The shape that all broadcast to, as ONNX's multidirectional broadcasting defines it.
 * @throws Unbounded when they do not fit
 */
export function broadcast(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, axis) => {
    let size = 1;
    for (const shape of shapes) {
      const dim = shape[axis - rank + shape.length] ?? 1;
      if (dim === 1 || dim === size) continue;
      if (size !== 1) unbounded(`the shapes ${shapes.map((each) => `[${each.join(', ')}]`).join(' and ')} do not fit`);
      size = dim;
    }
    return size;
  });
}

/** A tensor that all broadcast to, with an exact shape where all of them have one. */
export function broadcastOf(type: number, tensors: readonly Tensor[]): Tensor {
  const shapes = tensors.map(({ shape }) => shape);
  if (shapes.every((shape) => shape !== undefined)) return shaped(type, broadcast(shapes));
  return bounded(type, times(...tensors.map(({ most }) => most)));
}
