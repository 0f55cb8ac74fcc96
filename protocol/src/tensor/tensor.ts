/** The tensor used everywhere: a name, a datatype, a shape, and row-major data in a typed array. */
import { LeptonError } from '../errors.ts';
import type { Datatype, NumericArray } from './datatype.ts';

export interface Tensor {
  name: string;
  datatype: Datatype;
  /** Sizes of the axes, outermost first; `[]` is a scalar. Every size is known here, never -1. */
  shape: number[];
  /** Row-major. One byte string an element for BYTES. */
  data: NumericArray | Uint8Array[];
}

const MAX_RANK = 16;
/** ONNX Runtime in WASM counts with 32 bits: beyond, a shape would be taken for another one. */
const MAX_SIZE = 2 ** 31 - 1;

/**
 * The number of elements a shape claims.
 * @throws LeptonError `invalid_tensor` for a size that is no natural number below 2^31, too many axes, or a product beyond
 * 2^53.
 */
export function elementCount(shape: readonly number[], subject: string): number {
  if (shape.length > MAX_RANK) {
    throw new LeptonError('invalid_tensor', `${subject}: expected at most ${MAX_RANK} axes, got ${shape.length}`);
  }
  let count = 1;
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0 || size > MAX_SIZE) {
      const expected = size < 0 ? 'that are 0 or more' : 'below 2^31';
      throw new LeptonError('invalid_tensor', `${subject}: expected sizes ${expected}, got ${shapeText(shape)}`);
    }
    count *= size;
  }
  if (!Number.isSafeInteger(count)) {
    throw new LeptonError('invalid_tensor', `${subject}: ${shapeText(shape)} has too many elements`);
  }
  return count;
}

/** `[1,3,48,192]` */
export function shapeText(shape: readonly number[]): string {
  return `[${shape.join(',')}]`;
}

/** Bytes a tensor occupies in memory (its data only). */
export function tensorBytes(tensor: Tensor): number {
  if (!Array.isArray(tensor.data)) return tensor.data.byteLength;
  return tensor.data.reduce((sum, element) => sum + element.byteLength, 0);
}
