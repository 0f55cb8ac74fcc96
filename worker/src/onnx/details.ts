/** The few numbers and short texts of an attribute or tensor that may decide shapes, gathered while the walk passes by. */
import type { Field } from './schema.ts';

/** Of one attribute or tensor; 64 integers of 64 bits. What is longer is let go, and `truncated` says so. */
const MAX_DETAIL_BYTES = 512;
const MAX_VARINT_BYTES = 10;
const utf8 = new TextDecoder();

export class Details {
  /** Whether there was more than is kept, or something that could not be read: then nothing of it is to be believed. */
  truncated = false;
  private taken = 0;
  private numbersByField: Map<string, number[]> | undefined;
  private bytesByField: Map<string, Uint8Array> | undefined;

  /** Whether `length` more bytes are kept. */
  takes(length: number): boolean {
    this.taken += length;
    if (this.taken > MAX_DETAIL_BYTES) this.truncated = true;
    return !this.truncated;
  }

  /** A number that stands by itself. */
  number(field: string, value: number): void {
    if (!this.takes(8)) return;
    this.numbersByField ??= new Map();
    const numbers = this.numbersByField.get(field);
    if (numbers) numbers.push(value);
    else this.numbersByField.set(field, [value]);
  }

  /** A number of four or eight bytes. */
  fixed(field: Field, bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    const value = bytes.length === 4 ? view.getFloat32(0, true) : view.getFloat64(0, true);
    this.number(field.name, value);
  }

  /** A field of bytes that `takes` has taken: a payload, a text, or a packed run of numbers. */
  bytes(field: Field, bytes: Uint8Array): void {
    if (field.kind === 'bytes' || field.kind === 'string') {
      this.bytesByField ??= new Map();
      // Only the last of several strings is left, and no rule reads strings.
      this.bytesByField.set(field.name, bytes.slice());
      return;
    }
    this.numbersByField ??= new Map();
    const numbers = this.numbersByField.get(field.name) ?? [];
    this.numbersByField.set(field.name, numbers);
    if (field.kind === 'int') this.varints(bytes, numbers);
    else floats(bytes, field.kind === 'float' ? 4 : 8, numbers);
  }

  numbers(field: string): readonly number[] | undefined {
    return this.numbersByField?.get(field);
  }

  raw(field: string): Uint8Array | undefined {
    return this.bytesByField?.get(field);
  }

  text(field: string): string | undefined {
    const bytes = this.raw(field);
    return bytes && utf8.decode(bytes);
  }

  /** Nothing is refused here, as a runtime may read what this cannot. */
  private varints(bytes: Uint8Array, numbers: number[]): void {
    let at = 0;
    while (at < bytes.length) {
      let value = 0n;
      let length = 0;
      let more = true;
      for (; more && length < MAX_VARINT_BYTES && at < bytes.length; length += 1, at += 1) {
        const byte = bytes[at] ?? 0;
        value += BigInt(byte & 0x7f) << BigInt(7 * length);
        more = byte >= 0x80;
      }
      if (more) this.truncated = true;
      numbers.push(Number(BigInt.asIntN(64, value)));
    }
    if (numbers.length * 8 > MAX_DETAIL_BYTES) this.truncated = true;
  }
}

function floats(bytes: Uint8Array, size: 4 | 8, numbers: number[]): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  for (let at = 0; at + size <= bytes.length; at += size) {
    numbers.push(size === 4 ? view.getFloat32(at, true) : view.getFloat64(at, true));
  }
}
