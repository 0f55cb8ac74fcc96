/** Whether two answers are the same: to the bit, or as closely as sums in another order allow. */
import { fromHalf } from '../tensor/half.ts';
import type { Tensor } from '../tensor/tensor.ts';

const RELATIVE = 1e-3;
const ABSOLUTE = 1e-4;

/** To the bit; NaN equals itself. */
export function same(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  return agree(a, b, Object.is);
}

/** Floats within a thousandth, everything else exactly. */
export function close(a: readonly Tensor[], b: readonly Tensor[]): boolean {
  return agree(a, b, (x, y, { datatype }) => {
    if (Object.is(x, y) || x === y) return true;
    if (!/^FP(16|32|64)$/.test(datatype)) return false;
    return distance(x, y, datatype) <= ABSOLUTE + RELATIVE * Math.abs(numberOf(y, datatype));
  });
}

/** The largest distance of two numbers that stand for each other; undefined where there is none to tell. */
export function largestDifference(a: readonly Tensor[], b: readonly Tensor[]): number | undefined {
  let largest = 0;
  const comparable = agree(a, b, (x, y, { datatype }) => {
    if (!Object.is(x, y)) largest = Math.max(largest, distance(x, y, datatype));
    return Number.isFinite(largest);
  });
  return comparable ? largest : undefined;
}

/** 0 between two NaN, and between two infinities of one sign. */
function distance(x: unknown, y: unknown, datatype: string): number {
  const [left, right] = [numberOf(x, datatype), numberOf(y, datatype)];
  return left === right || (Number.isNaN(left) && Number.isNaN(right)) ? 0 : Math.abs(left - right);
}

function numberOf(value: unknown, datatype: string): number {
  return datatype === 'FP16' ? fromHalf(Number(value)) : Number(value);
}

type Equal = (a: unknown, b: unknown, of: Tensor) => boolean;

function agree(a: readonly Tensor[], b: readonly Tensor[], equal: Equal): boolean {
  if (a.length !== b.length) return false;
  return a.every((left, i) => {
    const right = b[i];
    if (!right || left.name !== right.name || left.datatype !== right.datatype) return false;
    if (left.shape.join() !== right.shape.join() || left.data.length !== right.data.length) return false;
    for (let k = 0; k < left.data.length; k++) {
      const [x, y] = [left.data[k], right.data[k]];
      if (x instanceof Uint8Array || y instanceof Uint8Array) {
        if (String(x) !== String(y)) return false;
      } else if (!equal(x, y, left)) return false;
    }
    return true;
  });
}
