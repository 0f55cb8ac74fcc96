/** Files for tests: bytes in memory that count how they are read, and files that need not exist to be read. */
import { LeptonError } from '@lepton-edge/protocol';
import { type Inspection, inspectOnnx } from './inspect.ts';
import type { RangeSource } from './reader.ts';

/** Counts what is asked for; each read hands out its own copy, as a stored object would. */
export class CountingSource implements RangeSource {
  readonly sizeBytes: number;
  reads = 0;
  bytesRead = 0;
  largestRead = 0;
  private readonly bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.bytes = bytes;
    this.sizeBytes = bytes.length;
  }

  async read(offset: number, length: number): Promise<Uint8Array> {
    if (offset < 0 || length <= 0 || offset + length > this.sizeBytes) {
      throw new RangeError(`read outside of the file: ${length} bytes at ${offset} of ${this.sizeBytes}`);
    }
    this.reads += 1;
    this.bytesRead += length;
    this.largestRead = Math.max(this.largestRead, length);
    return this.bytes.slice(offset, offset + length);
  }
}

export function inspectBytes(bytes: Uint8Array): Promise<Inspection> {
  return inspectOnnx(new CountingSource(bytes));
}

/** The sentence the bytes are refused with, or undefined when they are taken; any other error is thrown on. */
export async function refusalOf(bytes: Uint8Array): Promise<string | undefined> {
  try {
    await inspectBytes(bytes);
    return undefined;
  } catch (error) {
    if (error instanceof LeptonError && error.code === 'model_invalid') return error.message;
    throw error;
  }
}
