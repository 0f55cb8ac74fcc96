/** Reads request bodies within bounds: one body's, and that of all bodies this isolate holds at once. */
import { LeptonError } from '@lepton-edge/protocol';
import type { Gateway } from '../context.ts';

/** An inference body, after inflating. */
export const MAX_INFER_BODY_BYTES = 16 * 1024 * 1024;
const MAX_HELD_BYTES = 16 * 1024 * 1024;
/** Room made before a byte has come; it doubles as the bytes come. A declared body of at most this is never copied. */
const FIRST_ROOM_BYTES = 64 * 1024;

/**
 * Reads a whole body of at most `limitBytes` and hands it to `use`; its bytes count as held from when they came until `use`
 * is done.
 * @throws LeptonError `body_too_large`, or `overloaded` when the isolate holds too many bodies already
 */
export async function withBody<T>(
  request: Request,
  limitBytes: number,
  held: Gateway['bodies'],
  use: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  let reserved = 0;
  const reserve = (bytes: number) => {
    if (held.heldBytes + bytes > MAX_HELD_BYTES && held.heldBytes > reserved) {
      throw new LeptonError('overloaded', 'too many request bodies are being worked on: try again', {
        retryAfterSeconds: 1,
      });
    }
    held.heldBytes += bytes;
    reserved += bytes;
  };
  try {
    return await use(await readBody(request, limitBytes, reserve));
  } finally {
    held.heldBytes -= reserved;
  }
}

/**
 * Reads a whole body. What is left of one that is refused can still be read by others, so that the caller gets the answer.
 * @param arrived is told of bytes as they come, and may throw
 * @throws LeptonError `body_too_large`
 */
export async function readBody(
  request: Request,
  limitBytes: number,
  arrived: (bytes: number) => void = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = contentLength(request);
  if (declared !== undefined && declared > limitBytes) throw tooLarge(limitBytes, `${declared} bytes`);
  if (!request.body || declared === 0) return new Uint8Array();
  const most = declared ?? limitBytes + 1;
  const reader = (request.body as ReadableStream<Uint8Array>).getReader({ mode: 'byob' });
  let room = new ArrayBuffer(Math.min(FIRST_ROOM_BYTES, most));
  let size = 0;
  try {
    while (size < most) {
      if (size === room.byteLength) room = room.transfer(Math.min(2 * size, most));
      const { done, value } = await reader.read(new Uint8Array(room, size));
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

function tooLarge(limitBytes: number, got: string): LeptonError {
  return new LeptonError('body_too_large', `expected a body of at most ${limitBytes} bytes, got ${got}`);
}
