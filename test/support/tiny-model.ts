/** The smallest ONNX model there is, y = -x on float32[n], written by hand: for tests that care for no answer's meaning. */

const VARINT = 0;
const BYTES = 2;

/** @param name distinguishes models whose digests must differ. */
export function tinyModel(name = 'tiny'): Uint8Array<ArrayBuffer> {
  // Field numbers are those of onnx.proto: ModelProto, GraphProto, NodeProto, ValueInfoProto, TypeProto.
  const dimension = bytes(1, text(2, 'n'));
  const type = bytes(1, [...int(1, 1), ...bytes(2, dimension)]);
  const value = (field: number, tensor: string) => bytes(field, [...text(1, tensor), ...bytes(2, type)]);
  const node = bytes(1, [...text(1, 'x'), ...text(2, 'y'), ...text(4, 'Neg')]);
  const graph = [...node, ...text(2, name), ...value(11, 'x'), ...value(12, 'y')];
  const opset = [...text(1, ''), ...int(2, 17)];
  return Uint8Array.from([...int(1, 8), ...text(2, 'lepton-edge'), ...bytes(7, graph), ...bytes(8, opset)]);
}

function int(field: number, value: number): number[] {
  return [(field << 3) | VARINT, ...varint(value)];
}

function text(field: number, value: string): number[] {
  return bytes(field, [...new TextEncoder().encode(value)]);
}

function bytes(field: number, content: number[]): number[] {
  return [(field << 3) | BYTES, ...varint(content.length), ...content];
}

function varint(value: number): number[] {
  return value < 128 ? [value] : [(value & 127) | 128, ...varint(value >> 7)];
}
