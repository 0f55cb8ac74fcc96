/**
 * One tensor from its JSON form. Data may come nested or flat, row-major, a scalar bare or in an array of one.
 * What JSON cannot write is the string "NaN", "Infinity" or "-Infinity". BF16 has no JSON form (nor has it in the protocol).
 */
import { LeptonError } from '../errors.ts';
import { ARRAY_TYPE, BIG_RANGE, type Datatype, INTEGER_RANGE, type NumericArray } from '../tensor/datatype.ts';
import { elementCount, shapeText, type Tensor } from '../tensor/tensor.ts';
import { fillOf } from './fill-elements.ts';

interface JsonTensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  data?: unknown;
}

type Rows = readonly unknown[];

const encoder = new TextEncoder();

/** An integer that was rounded when the JSON was parsed, and may be right when it is parsed exactly. */
export class RoundedInteger extends LeptonError {}

/**
 * Nothing is allocated before the data is known to have as many elements as the shape says.
 * @param subject begins the sentence of every error
 * @throws LeptonError `invalid_tensor`
 */
export function jsonTensor({ name, datatype, shape, data: given }: JsonTensor, subject: string): Tensor {
  const count = elementCount(shape, subject);
  if (datatype === 'BF16') fail(subject, 'BF16 has no JSON form, send it as binary data');
  const rows = shape.length === 0 && given !== undefined && !Array.isArray(given) ? [given] : given;
  if (!Array.isArray(rows)) {
    fail(
      subject,
      `expected data as an array of ${count} elements, got ${rows === undefined ? 'no data' : typeof rows}`,
    );
  }
  const nested = shape.length > 1 && Array.isArray(rows[0]);
  if (nested) checkRows(rows, shape, 0, subject);
  else if (rows.length !== count) {
    fail(subject, `shape ${shapeText(shape)} needs ${count} elements, got ${rows.length}`);
  }
  const target = datatype === 'BYTES' ? new Array<Uint8Array>(count) : new ARRAY_TYPE[datatype](count);
  const fill = datatype === 'BYTES' ? fillStrings : fillOf(datatype);
  let at = 0;
  for (const row of nested ? innermost(rows, shape.length - 1) : [rows]) {
    const bad = fill(target as never, row, at);
    if (bad >= 0) failElement(datatype, shape, row[bad], at + bad, subject);
    at += row.length;
  }
  return { name, datatype, shape, data: target as NumericArray | Uint8Array[] };
}

/** @throws LeptonError unless every row down to the elements has the length its axis has */
function checkRows(rows: Rows, shape: readonly number[], axis: number, subject: string): void {
  const size = shape[axis];
  if (rows.length !== size) {
    fail(subject, `expected rows of ${size} along axis ${axis} of ${shapeText(shape)}, got ${rows.length}`);
  }
  if (axis === shape.length - 1) return;
  for (const row of rows) {
    if (!Array.isArray(row)) {
      fail(
        subject,
        `expected rows of ${shape[axis + 1]} along axis ${axis + 1} of ${shapeText(shape)}, got ${typeof row}`,
      );
    }
    checkRows(row, shape, axis + 1, subject);
  }
}

function* innermost(rows: Rows, depth: number): Generator<Rows> {
  if (depth === 0) yield rows;
  else if (depth === 1) yield* rows as readonly Rows[];
  else for (const row of rows) yield* innermost(row as Rows, depth - 1);
}

function fillStrings(target: Uint8Array[], elements: Rows, at: number): number {
  for (let i = 0; i < elements.length; i++) {
    const value = elements[i];
    if (typeof value !== 'string') return i;
    target[at + i] = encoder.encode(value);
  }
  return -1;
}

function failElement(
  datatype: Datatype,
  shape: readonly number[],
  value: unknown,
  index: number,
  subject: string,
): never {
  const expected = datatype === 'BYTES' ? 'a string' : `${datatype}${rangeText(datatype)}`;
  const isRounded = datatype.endsWith('INT64') && Number.isInteger(value) && !Number.isSafeInteger(value);
  const depth = Array.isArray(value) ? `: the data is nested deeper than the shape ${shapeText(shape)}` : '';
  const sentence = `${subject}: element ${index} is ${describe(value)}, expected ${expected}${depth}`;
  throw isRounded ? new RoundedInteger('invalid_tensor', sentence) : new LeptonError('invalid_tensor', sentence);
}

function rangeText(datatype: Datatype): string {
  const range = datatype === 'INT64' || datatype === 'UINT64' ? BIG_RANGE[datatype] : INTEGER_RANGE[datatype];
  return range ? ` (an integer from ${range[0]} to ${range[1]})` : '';
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'object' && value !== null) return 'an object';
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40);
}

function fail(subject: string, what: string): never {
  throw new LeptonError('invalid_tensor', `${subject}: ${what}`);
}
