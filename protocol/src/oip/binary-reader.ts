/** Hands out the binary part of a body, tensor by tensor; data is viewed in place where it is aligned. */
import { LeptonError } from '../errors.ts';
import { ARRAY_TYPE, type Datatype, elementSize, type FixedDatatype, type NumericArray } from '../tensor/datatype.ts';
import { elementCount, shapeText, type Tensor } from '../tensor/tensor.ts';
import { jsonTensor } from './json-tensor.ts';

export interface HeaderTensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  parameters?: Record<string, unknown> | undefined;
  data?: unknown;
}

export class BinaryReader {
  private offset: number;
  private readonly bytes: Uint8Array<ArrayBuffer>;

  /** @param offset where the binary part begins */
  constructor(bytes: Uint8Array<ArrayBuffer>, offset: number) {
    this.bytes = bytes;
    this.offset = offset;
  }

  /** The tensor a header tells of, from here or from the header itself. @throws LeptonError `invalid_tensor` */
  tensor(header: HeaderTensor, subject: string): Tensor {
    const size = header.parameters?.binary_data_size;
    if (size === undefined) return jsonTensor(header, subject);
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      fail(subject, `binary_data_size is ${size}, expected 0 or more bytes`);
    }
    if (header.data !== undefined) fail(subject, 'expected data or binary_data_size, got both');
    const left = this.bytes.byteLength - this.offset;
    if (size > left) fail(subject, `binary_data_size is ${size}, ${left} bytes are left`);
    const { name, datatype, shape } = header;
    const count = elementCount(shape, subject);
    const start = this.offset;
    this.offset += size;
    if (datatype === 'BYTES') return { name, datatype, shape, data: this.strings(start, size, count, subject) };
    const expected = count * elementSize(datatype);
    if (size !== expected) {
      fail(subject, `${datatype} ${shapeText(shape)} is ${expected} bytes, binary_data_size is ${size}`);
    }
    return { name, datatype, shape, data: viewNumbers(this.bytes, datatype, start, count, subject) };
  }

  /** @throws LeptonError when bytes are left that no tensor claimed. */
  end(): void {
    const left = this.bytes.byteLength - this.offset;
    if (left > 0) throw new LeptonError('invalid_request', `${left} bytes follow the last tensor`);
  }

  private strings(start: number, size: number, count: number, subject: string): Uint8Array[] {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + start, size);
    const elements: Uint8Array[] = [];
    let at = 0;
    while (at < size) {
      if (elements.length === count) fail(subject, `expected ${count} elements, got more`);
      const length = at + 4 <= size ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
      if (at + 4 + length > size) fail(subject, `element ${elements.length} reaches beyond the data`);
      elements.push(this.bytes.subarray(start + at + 4, start + at + 4 + length));
      at += 4 + length;
    }
    if (elements.length !== count) fail(subject, `expected ${count} elements, got ${elements.length}`);
    return elements;
  }
}

/** `count` elements from `start` on, in place where they are aligned. @throws LeptonError `invalid_tensor` for a BOOL of 2 */
export function viewNumbers(
  bytes: Uint8Array<ArrayBuffer>,
  datatype: FixedDatatype,
  start: number,
  count: number,
  subject: string,
): NumericArray {
  const type = ARRAY_TYPE[datatype];
  const at = bytes.byteOffset + start;
  const isAligned = at % type.BYTES_PER_ELEMENT === 0;
  const data = isAligned
    ? new type(bytes.buffer, at, count)
    : new type(bytes.buffer.slice(at, at + count * type.BYTES_PER_ELEMENT));
  if (datatype === 'BOOL') checkBooleans(data as Uint8Array, subject);
  return data;
}

function checkBooleans(data: Uint8Array, subject: string): void {
  for (let i = 0; i < data.length; i++) {
    if ((data[i] as number) > 1) fail(subject, `element ${i} is ${data[i]}, expected BOOL (0 or 1)`);
  }
}

function fail(subject: string, what: string): never {
  throw new LeptonError('invalid_tensor', `${subject}: ${what}`);
}
