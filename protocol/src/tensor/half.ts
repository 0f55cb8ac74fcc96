/** Half-precision floats (IEEE 754 binary16), held as bit patterns in a Uint16Array. */

const view = new DataView(new ArrayBuffer(2));

/** The number a binary16 bit pattern stands for. */
export function fromHalf(bits: number): number {
  view.setUint16(0, bits);
  return view.getFloat16(0);
}

/** The nearest binary16 bit pattern (ties to even). */
export function toHalf(value: number): number {
  view.setFloat16(0, value);
  return view.getUint16(0);
}
