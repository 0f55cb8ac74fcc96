/** Collects the part of a protobuf message that is read; nested messages get their new lengths when they end. */
import { refuse } from './refuse.ts';

/** One node, tensor or value, and what there is of the messages around it. */
export const MAX_KEPT_BYTES = 1024 * 1024;

/** A length is written as a varint padded to four bytes, so that it can be filled in once it is known. */
const LENGTH_BYTES = 4;
const FIRST_CAPACITY = 16 * 1024;

export class KeptBytes {
  length = 0;
  /** The most there ever was. */
  peak = 0;
  private bytes = new Uint8Array(FIRST_CAPACITY);

  append(chunk: Uint8Array): void {
    this.reserve(chunk.length);
    this.bytes.set(chunk, this.length);
    this.length += chunk.length;
  }

  varint(value: number): void {
    this.reserve(MAX_TAG_BYTES);
    let rest = value;
    while (rest > 0x7f) {
      this.bytes[this.length++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    this.bytes[this.length++] = rest;
  }

  /** Leaves room for a length; hand the answer to `close`. */
  open(): number {
    this.reserve(LENGTH_BYTES);
    this.length += LENGTH_BYTES;
    return this.length;
  }

  /** Fills in the length of what was appended since `open`. */
  close(start: number): void {
    const length = this.length - start;
    for (let index = 0; index < LENGTH_BYTES; index += 1) {
      const more = index < LENGTH_BYTES - 1 ? 0x80 : 0;
      this.bytes[start - LENGTH_BYTES + index] = ((length >>> (7 * index)) & 0x7f) | more;
    }
  }

  /** Forgets everything appended since the length was `length`. */
  rollback(length: number): void {
    this.length = length;
  }

  /** What was appended since the length was `start`, without a copy: valid until the next append. */
  since(start: number): Uint8Array {
    return this.bytes.subarray(start, this.length);
  }

  private reserve(more: number): void {
    const needed = this.length + more;
    this.peak = Math.max(this.peak, needed);
    if (needed > MAX_KEPT_BYTES) {
      refuse(
        `one of the model's nodes or values takes more than ${MAX_KEPT_BYTES} bytes beside its weights, the most that is inspected`,
      );
    }
    if (needed <= this.bytes.length) return;
    const grown = new Uint8Array(Math.min(MAX_KEPT_BYTES, Math.max(needed, this.bytes.length * 2)));
    grown.set(this.bytes.subarray(0, this.length));
    this.bytes = grown;
  }
}

const MAX_TAG_BYTES = 5;
