/** Protobuf written by hand, for files that no library would write. */

export function varint(value: number | bigint): number[] {
  const bytes: number[] = [];
  let rest = BigInt.asUintN(64, BigInt(value));
  while (rest > 0x7fn) {
    bytes.push(Number(rest & 0x7fn) | 0x80);
    rest >>= 7n;
  }
  bytes.push(Number(rest));
  return bytes;
}

/** A varint field. */
export function int(field: number, value: number | bigint): number[] {
  return [...varint(field * 8), ...varint(value)];
}

/** A field of bytes, text or a message, with the length it really has or one that is claimed. */
export function bytes(field: number, content: readonly number[] | string, claimed?: number | bigint): number[] {
  const body = typeof content === 'string' ? [...new TextEncoder().encode(content)] : content;
  return [...varint(field * 8 + 2), ...varint(claimed ?? body.length), ...body];
}
