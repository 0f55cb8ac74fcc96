/** Bytes that come into one piece of memory, within a bound. */
import { LeptonError } from '@lepton-edge/protocol';

/** Room made before a byte has come; it doubles as the bytes come. A declared body of at most this is never copied. */
const FIRST_ROOM_BYTES = 64 * 1024;

/**
 * Reads a stream of bytes into one piece of memory, which grows as they come.
 * @param most where the reading ends though the stream may not
 * @param patience rejects when it is not to be waited for any longer
 * @throws LeptonError `body_too_large`
 */
export async function collect(
  stream: ReadableStream,
  most: number,
  limitBytes: number,
  arrived: (bytes: number) => void,
  patience?: Promise<never>,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = (stream as ReadableStream<Uint8Array>).getReader({ mode: 'byob' });
  let room = new ArrayBuffer(Math.min(FIRST_ROOM_BYTES, most));
  let size = 0;
  try {
    while (size < most) {
      if (size === room.byteLength) room = room.transfer(Math.min(2 * size, most));
      const read = reader.read(new Uint8Array(room, size));
      const { done, value } = await (patience ? Promise.race([read, patience]) : read);
      // The room went with the call and comes back with the answer.
      if (value) room = value.buffer as ArrayBuffer;
      if (done) break;
      size += value.byteLength;
      if (size > limitBytes) throw tooLarge(limitBytes, 'more');
      arrived(value.byteLength);
    }
  } finally {
    reader.releaseLock();
  }
  return new Uint8Array(room, 0, size);
}

/** The declared length of a body; undefined when it is sent in chunks. */
export function contentLength(request: Request): number | undefined {
  const text = request.headers.get('content-length');
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

export function tooLarge(limitBytes: number, got: string): LeptonError {
  return new LeptonError('body_too_large', `expected a body of at most ${limitBytes} bytes, got ${got}`);
}
