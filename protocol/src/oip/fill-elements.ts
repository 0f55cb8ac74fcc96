/** JSON values into typed arrays: one tight loop for each kind of datatype. */
import { BIG_RANGE, type FixedDatatype, type NumericArray } from '../tensor/datatype.ts';
import { toHalf } from '../tensor/half.ts';
import { LONG_INTEGER_MARK } from './parse-json.ts';

/** Writes `elements` into `target` from `at` on. @returns the index in `elements` of the first that is none, or -1 */
export type Fill = (target: NumericArray, elements: readonly unknown[], at: number) => number;

export function fillOf(datatype: FixedDatatype): Fill {
  switch (datatype) {
    case 'FP32':
    case 'FP64':
      return fillFloats as Fill;
    case 'FP16':
      return fillHalves as Fill;
    case 'BOOL':
      return fillBooleans as Fill;
    case 'INT64':
      return fillSigned as Fill;
    case 'UINT64':
      return fillUnsigned as Fill;
    default:
      return fillIntegers as Fill;
  }
}

function fillFloats(target: Float32Array | Float64Array, elements: readonly unknown[], at: number): number {
  for (let i = 0; i < elements.length; i++) {
    const value = elements[i];
    if (typeof value === 'number') {
      target[at + i] = value;
      continue;
    }
    const number = unusualFloat(value);
    if (number === undefined) return i;
    target[at + i] = number;
  }
  return -1;
}

function fillHalves(target: Uint16Array, elements: readonly unknown[], at: number): number {
  for (let i = 0; i < elements.length; i++) {
    const value = elements[i];
    const number = typeof value === 'number' ? value : unusualFloat(value);
    if (number === undefined) return i;
    target[at + i] = toHalf(number);
  }
  return -1;
}

function unusualFloat(value: unknown): number | undefined {
  if (typeof value === 'bigint') return Number(value);
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : undefined;
}

function fillBooleans(target: Uint8Array, elements: readonly unknown[], at: number): number {
  for (let i = 0; i < elements.length; i++) {
    const value = elements[i];
    if (value === true || value === 1) target[at + i] = 1;
    else if (value !== false && value !== 0) return i;
  }
  return -1;
}

/** What the array does not hold as it is was no integer of its range. */
function fillIntegers(target: Int32Array, elements: readonly unknown[], at: number): number {
  for (let i = 0; i < elements.length; i++) {
    const value = elements[i];
    if (typeof value !== 'number') return i;
    target[at + i] = value;
    if (target[at + i] !== value) return i;
  }
  return -1;
}

function fillSigned(target: BigInt64Array<ArrayBuffer>, elements: readonly unknown[], at: number): number {
  return fillBig(target, elements, at, 'INT64');
}

function fillUnsigned(target: BigUint64Array<ArrayBuffer>, elements: readonly unknown[], at: number): number {
  return fillBig(target, elements, at, 'UINT64');
}

function fillBig(
  target: BigInt64Array<ArrayBuffer> | BigUint64Array<ArrayBuffer>,
  elements: readonly unknown[],
  at: number,
  datatype: 'INT64' | 'UINT64',
): number {
  const [min, max] = BIG_RANGE[datatype];
  const least = datatype === 'INT64' ? Number.MIN_SAFE_INTEGER : 0;
  // As two halves of 32 bits a number needs no bigint.
  const halves = new Int32Array(target.buffer, target.byteOffset, 2 * target.length);
  for (let i = 0; i < elements.length; i++) {
    const value = elements[i];
    if (typeof value === 'number') {
      if (!Number.isSafeInteger(value) || value < least) return i;
      halves[2 * (at + i)] = value;
      halves[2 * (at + i) + 1] = Math.floor(value / 2 ** 32);
      continue;
    }
    const integer = longInteger(value);
    if (integer === undefined || integer < min || integer > max) return i;
    target[at + i] = integer;
  }
  return -1;
}

function longInteger(value: unknown): bigint | undefined {
  if (typeof value === 'bigint') return value;
  if (typeof value !== 'string' || !value.startsWith(LONG_INTEGER_MARK)) return undefined;
  const digits = value.slice(LONG_INTEGER_MARK.length);
  return /^-?\d{1,20}$/.test(digits) ? BigInt(digits) : undefined;
}
