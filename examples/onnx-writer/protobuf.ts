/** The little of protobuf's wire format that writing an ONNX file takes. Source: protobuf.dev, "Encoding". */

const VARINT = 0;
const LENGTH_DELIMITED = 2;
const FIXED32 = 5;

export type Bytes = Uint8Array<ArrayBufferLike>;

/** An integer field; negative numbers take ten bytes, as int64 does. */
export function integer(field: number, value: number | bigint): Bytes {
  return concat([varint(BigInt((field << 3) | VARINT)), varint(BigInt.asUintN(64, BigInt(value)))]);
}

export function float(field: number, value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setFloat32(0, value, true);
  return concat([varint(BigInt((field << 3) | FIXED32)), bytes]);
}

/** A string, an embedded message, or raw bytes. */
export function bytes(field: number, content: string | Bytes | Bytes[]): Bytes {
  const body = typeof content === 'string' ? Buffer.from(content) : Array.isArray(content) ? concat(content) : content;
  return concat([varint(BigInt((field << 3) | LENGTH_DELIMITED)), varint(BigInt(body.byteLength)), body]);
}

export function concat(parts: readonly Bytes[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.byteLength;
  }
  return all;
}

function varint(value: bigint): Bytes {
  const out: number[] = [];
  let rest = value;
  do {
    const more = rest > 127n;
    out.push(Number(rest & 127n) | (more ? 128 : 0));
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(out);
}
