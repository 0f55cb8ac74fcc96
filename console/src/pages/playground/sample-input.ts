/** Inputs to begin with: sensible data of a tensor's datatype and shape, made the same way again for the same seed. */
import type { TensorSpec } from '@lepton-edge/protocol';

export const FILLINGS = ['ramp', 'random', 'zeros'] as const;
export type Filling = (typeof FILLINGS)[number];

const MAX_ELEMENTS = 4_000_000;
const INTEGER_SPREAD = 100;

/** Dynamic axes begin with one. */
export function firstShape(spec: TensorSpec): number[] {
  return spec.shape.map((size) => (size < 0 ? 1 : size));
}

export function countOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/**
 * Row-major elements as JSON writes them: floats from 0 to 1, integers from 0 to 99.
 * @throws Error for more elements than a request could carry
 */
export function fill(
  datatype: TensorSpec['datatype'],
  shape: readonly number[],
  filling: Filling,
  seed: number,
): unknown[] {
  const count = countOf(shape);
  if (count > MAX_ELEMENTS) {
    throw new Error(
      `a shape of ${count.toLocaleString('en')} elements is more than the ${MAX_ELEMENTS.toLocaleString('en')} the playground sends: choose smaller sizes`,
    );
  }
  const random = randomOf(seed);
  const shareOf: Record<Filling, (i: number) => number> = {
    zeros: () => 0,
    ramp: (i) => i / Math.max(1, count - 1),
    random,
  };
  const share = shareOf[filling];
  return Array.from({ length: count }, (_, i) => element(datatype, share(i)));
}

function element(datatype: TensorSpec['datatype'], share: number): unknown {
  switch (datatype) {
    case 'BYTES':
      return 'text';
    case 'BOOL':
      return share >= 0.5;
    case 'FP16':
    case 'FP32':
    case 'FP64':
    case 'BF16':
      return Math.round(share * 1000) / 1000;
    default:
      return Math.min(INTEGER_SPREAD - 1, Math.floor(share * INTEGER_SPREAD));
  }
}

/** Numbers in [0, 1) that follow from the seed: a Weyl sequence through the finalizer of MurmurHash3. */
function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) / 2 ** 32;
  };
}

/** `1, 3, 48` → [1, 3, 48]; nothing is a scalar. Undefined where it is no shape. */
export function parseShape(text: string): number[] | undefined {
  const sizes = text
    .split(/[\s,]+/)
    .filter(Boolean)
    .map(Number);
  return sizes.every((size) => Number.isSafeInteger(size) && size >= 0) ? sizes : undefined;
}
