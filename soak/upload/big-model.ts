/** A model of any size: one table of floats as external data, of which a run takes the rows it is asked for. */
import { createHash } from 'node:crypto';
import { open, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { bytes, concat, integer } from '../../examples/onnx-writer/protobuf.ts';

const COLUMNS = 256;
const ROW_BYTES = COLUMNS * Float32Array.BYTES_PER_ELEMENT;
const MIB = 1024 * 1024;
/** The noise repeats after so many rows; the number at the front of each does not. */
const BLOCK_ROWS = 4096;

export interface BigModel {
  /** The files, by what they are called in a version. */
  weights: string;
  onnx: string;
  rows: number;
  sizeBytes: number;
  digest: string;
}

export async function writeBigModel(folder: string, sizeMib: number): Promise<BigModel> {
  const rows = (sizeMib * MIB) / ROW_BYTES;
  const weights = join(folder, 'weights.bin');
  const onnx = join(folder, 'model.onnx');
  await writeFile(onnx, onnxFile(rows));
  const hash = createHash('sha256');
  const file = await open(weights, 'w');
  try {
    for (let row = 0; row < rows; row += BLOCK_ROWS) {
      const block = bytesAt(row * ROW_BYTES, Math.min(BLOCK_ROWS, rows - row) * ROW_BYTES);
      hash.update(block);
      await file.write(block);
    }
  } finally {
    await file.close();
  }
  return { weights, onnx, rows, sizeBytes: rows * ROW_BYTES, digest: `sha256:${hash.digest('hex')}` };
}

/** Floats in [1, 2) that look like chance and are the same every time (xorshift, George Marsaglia). */
const noise = (() => {
  const bits = new Uint32Array(BLOCK_ROWS * COLUMNS);
  let state = 0x9e3779b9;
  for (let i = 0; i < bits.length; i++) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    bits[i] = (state & 0x7fffff) | 0x3f800000;
  }
  return new Float32Array(bits.buffer);
})();

/** A row of the table: its own number, then noise. */
export function rowAt(row: number): Float32Array {
  const from = (row % BLOCK_ROWS) * COLUMNS;
  const values = noise.slice(from, from + COLUMNS);
  values[0] = row;
  return values;
}

/** What the weights hold at a place; a table has less than 2²⁴ rows, so that floats count them. */
export function bytesAt(offset: number, length: number): Uint8Array<ArrayBuffer> {
  const first = Math.floor(offset / ROW_BYTES);
  const last = Math.ceil((offset + length) / ROW_BYTES);
  const values = new Float32Array((last - first) * COLUMNS);
  for (let row = first; row < last; row++) values.set(rowAt(row), (row - first) * COLUMNS);
  return new Uint8Array(values.buffer, offset - first * ROW_BYTES, length);
}

/** `y[n, 256] = Gather(table, ids[n])`. Field numbers are those of onnx.proto. */
function onnxFile(rows: number): Uint8Array {
  const [float32, int64, external] = [1, 7, 1];
  const entry = (key: string, value: string) => bytes(13, [bytes(1, key), bytes(2, value)]);
  const table = [
    ...[rows, COLUMNS].map((size) => integer(1, size)),
    integer(2, float32),
    bytes(8, 'table'),
    entry('location', 'weights.bin'),
    entry('offset', '0'),
    entry('length', String(rows * ROW_BYTES)),
    integer(14, external),
  ];
  const axis = (size: number | string) => bytes(1, typeof size === 'number' ? integer(1, size) : bytes(2, size));
  const value = (name: string, type: number, axes: (number | string)[]) =>
    concat([bytes(1, name), bytes(2, [bytes(1, [integer(1, type), bytes(2, axes.map(axis))])])]);
  const graph = [
    bytes(1, [bytes(1, 'table'), bytes(1, 'ids'), bytes(2, 'y'), bytes(4, 'Gather')]),
    bytes(2, 'big'),
    bytes(5, table),
    bytes(11, value('ids', int64, ['n'])),
    bytes(12, value('y', float32, ['n', COLUMNS])),
  ];
  return concat([integer(1, 8), bytes(7, graph), bytes(8, [bytes(1, ''), integer(2, 17)])]);
}
