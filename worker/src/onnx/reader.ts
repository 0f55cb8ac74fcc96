/** Reads a file of any size forward through one window, so that skipped weights are never read nor held. */
import { refuse } from './refuse.ts';

/** Bytes to inspect: a stored object read by range, or a buffer in tests. */
export interface RangeSource {
  sizeBytes: number;
  /** Exactly `length` bytes from `offset`, both within the file; what it throws reaches the caller as it is. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** The window of a file's first reads; most files need no more of them. */
export const WINDOW_BYTES = 256 * 1024;
/** After each so many reads it is twice as large: a file of 2 GiB that is read from end to end takes 290, whatever is in it. */
const READS_OF_A_SIZE = 32;
export const MAX_WINDOW_BYTES = 16 * 1024 * 1024;
const MAX_VARINT_BYTES = 10;

/** A position in a file. `where` is asked for the place's name only when something is wrong there. */
export class WindowReader {
  position = 0;
  readonly sizeBytes: number;
  private readonly source: RangeSource;
  private window: Uint8Array = new Uint8Array(0);
  private windowStart = 0;
  private reads = 0;

  constructor(source: RangeSource) {
    this.source = source;
    this.sizeBytes = source.sizeBytes;
  }

  /** Makes the next `length` bytes (at most a window) readable without waiting, or all that the file still has. */
  buffer(length: number): Promise<void> | undefined {
    const wanted = Math.min(this.position + length, this.sizeBytes);
    if (this.position >= this.windowStart && wanted <= this.windowStart + this.window.length) return undefined;
    return this.fill();
  }

  /** The next buffered byte. */
  byte(where: () => string): number {
    const value = this.window[this.position - this.windowStart];
    if (value === undefined || this.position >= this.sizeBytes) {
      return refuse(`the file is cut off: it ends at byte ${this.sizeBytes} inside ${where()}`);
    }
    this.position += 1;
    return value;
  }

  /**
   * The next buffered varint as a signed 64-bit integer; exact as far as a number is. It is read from what `buffer` made
   * readable and ends before byte `end`.
   */
  varint(end: number, where: () => string): number {
    const first = this.position < end ? this.window[this.position - this.windowStart] : undefined;
    if (first !== undefined && first < 0x80) {
      this.position += 1;
      return first;
    }
    let low = 0;
    let high = 0;
    const start = this.position;
    for (let index = 0; index < MAX_VARINT_BYTES; index += 1) {
      if (this.position >= end && end < this.sizeBytes) {
        refuse(`the file is damaged: the number at byte ${start} runs past the end of ${where()}, at byte ${end}`);
      }
      const byte = this.byte(where);
      if (index < 4) low += (byte & 0x7f) * 2 ** (7 * index);
      else if (index < 9) high += (byte & 0x7f) * 2 ** (7 * (index - 4));
      else high += (byte & 1) * 2 ** 35;
      if (byte < 0x80) {
        // 28 low bits, 36 high bits; as two's complement when the top bit is set.
        const signed = high >= 2 ** 35 ? high - 2 ** 36 : high;
        return signed * 2 ** 28 + low;
      }
    }
    return refuse(
      `the file is damaged: the number at byte ${start} in ${where()} is longer than ${MAX_VARINT_BYTES} bytes`,
    );
  }

  /** The buffered bytes from `from` (absolute) to the present position; valid until the next `buffer`. */
  since(from: number): Uint8Array {
    return this.window.subarray(from - this.windowStart, this.position - this.windowStart);
  }

  /** The next `length` buffered bytes at most; valid until the next `buffer`. */
  take(length: number): Uint8Array {
    const from = this.position - this.windowStart;
    const bytes = this.window.subarray(from, from + length);
    this.position += bytes.length;
    return bytes;
  }

  private async fill(): Promise<void> {
    const size = Math.min(MAX_WINDOW_BYTES, WINDOW_BYTES * 2 ** Math.floor(this.reads / READS_OF_A_SIZE));
    const length = Math.min(size, this.sizeBytes - this.position);
    if (length === 0) return;
    this.reads += 1;
    // Let go first: two windows are never held at once.
    this.window = new Uint8Array(0);
    const bytes = await this.source.read(this.position, length);
    if (bytes.length !== length) {
      throw new Error(
        `expected ${length} bytes at offset ${this.position} of the file, the source gave ${bytes.length}`,
      );
    }
    this.window = bytes;
    this.windowStart = this.position;
  }
}
