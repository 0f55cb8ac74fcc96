/** Whether outputs are the expected ones, by the measure of ONNX's own backend tests, and where they are not. */
import type { Tensor } from '@lepton-edge/protocol';
import { fromHalf } from '../../protocol/src/tensor/half.ts';

const RELATIVE = 1e-3;
const ABSOLUTE = 1e-7;

/**
 * @param random compares no values
 * @returns a sentence on the first difference, or undefined where there is none
 */
export function differenceOf(
  outputs: readonly Tensor[],
  expected: readonly Tensor[],
  random = false,
): string | undefined {
  if (outputs.length !== expected.length) return `${outputs.length} outputs, expected ${expected.length}`;
  for (const [i, wanted] of expected.entries()) {
    const got = outputs[i];
    if (!got || got.name !== wanted.name) return `output ${i} is ${got?.name}, expected ${wanted.name}`;
    if (got.datatype !== wanted.datatype) return `${got.name} is ${got.datatype}, expected ${wanted.datatype}`;
    if (got.shape.join() !== wanted.shape.join()) return `${got.name} is [${got.shape}], expected [${wanted.shape}]`;
    if (got.data.length !== wanted.data.length) {
      return `${got.name} has ${got.data.length} elements, expected ${wanted.data.length}`;
    }
    for (let k = 0; k < wanted.data.length && !random; k++) {
      const [left, right] = [elementOf(got, k), elementOf(wanted, k)];
      if (!isClose(left, right, wanted)) return `${got.name}[${k}] is ${left}, expected ${right}`;
    }
  }
  return undefined;
}

function elementOf({ datatype, data }: Tensor, index: number): number | bigint | string {
  const value = data[index] ?? 0;
  if (value instanceof Uint8Array) return Buffer.from(value).toString('latin1');
  if (datatype === 'FP16') return fromHalf(Number(value));
  return value;
}

function isClose(left: number | bigint | string, right: number | bigint | string, { datatype }: Tensor): boolean {
  if (left === right || Object.is(left, right)) return true;
  if (typeof left !== 'number' || typeof right !== 'number' || !datatype.startsWith('FP')) return false;
  return Math.abs(left - right) <= ABSOLUTE + RELATIVE * Math.abs(right);
}
