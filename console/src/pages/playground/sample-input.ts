/** Inputs to begin with: sensible data of a tensor's datatype and shape, as JSON that can be edited. */
import { jsonTensor, type Tensor, type TensorSpec } from '@lepton-edge/protocol';

export const FILLINGS = ['zeros', 'ramp', 'random'] as const;
export type Filling = (typeof FILLINGS)[number];

/** More elements than this are generated, not shown for editing. */
export const EDITABLE_ELEMENTS = 2048;
const MAX_ELEMENTS = 4_000_000;

/** Dynamic axes begin with one. */
export function firstShape(spec: TensorSpec): number[] {
  return spec.shape.map((size) => (size < 0 ? 1 : size));
}

export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Row-major elements. @param random in [0, 1) */
export function fill(
  datatype: TensorSpec['datatype'],
  shape: readonly number[],
  filling: Filling,
  random: () => number,
): unknown[] {
  const count = countOf(shape);
  if (count > MAX_ELEMENTS) throw new Error(`a shape of ${count} elements is more than the playground sends`);
  return Array.from({ length: count }, (_, i) => element(datatype, filling, i, count, random));
}

function element(
  datatype: TensorSpec['datatype'],
  filling: Filling,
  i: number,
  count: number,
  random: () => number,
): unknown {
  const share = filling === 'zeros' ? 0 : filling === 'ramp' ? i / Math.max(1, count - 1) : random();
  switch (datatype) {
    case 'BYTES':
      return 'text';
    case 'BOOL':
      return share >= 0.5;
    case 'FP16':
    case 'FP32':
    case 'FP64':
      return Math.round(share * 1000) / 1000;
    default:
      return Math.floor(share * 100);
  }
}

/** The tensor of edited JSON data. Throws a sentence for data that does not fit. */
export function tensorFrom(spec: TensorSpec, shape: number[], text: string): Tensor {
  let data: unknown;
  try {
    data = JSON.parse(text);
  } catch {
    throw new Error(`input "${spec.name}": expected JSON, an array such as [0, 1, 2]`);
  }
  const flat = Array.isArray(data) || shape.length > 0 ? data : [data];
  return jsonTensor({ name: spec.name, datatype: spec.datatype, shape, data: flat }, `input "${spec.name}"`);
}

/** `1, 3, 48` → [1, 3, 48]; undefined where it is no shape. */
export function parseShape(text: string): number[] | undefined {
  const sizes = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(Number);
  return sizes.every((size) => Number.isInteger(size) && size >= 0) ? sizes : undefined;
}
