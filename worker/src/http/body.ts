/** Reads request bodies within bounds: one body's, and that of all bodies this isolate holds at once. */
import { LeptonError, readContentEncoding } from '@lepton-edge/protocol';
import type { Gateway } from '../context.ts';
import { collect, contentLength, tooLarge } from './collect.ts';
import { readInflated } from './inflate.ts';

/** An inference body, after inflating. */
export const MAX_INFER_BODY_BYTES = 16 * 1024 * 1024;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

/**
 * Reads a whole body of at most `limitBytes` after inflating and hands it to `use`; its bytes count as held from when they
 * came until `use` is done.
 * @throws LeptonError `body_too_large`, `encoding_not_supported`, `invalid_request` for one that does not inflate, or
 * `overloaded` when the isolate holds too many bodies already
 */
export async function withBody<T>(
  request: Request,
  limitBytes: number,
  held: Gateway['bodies'],
  use: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const coding = readContentEncoding(request.headers.get('content-encoding'));
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
    const bytes =
      coding === 'identity'
        ? await readBody(request, limitBytes, reserve)
        : await readInflated(request, coding, limitBytes, reserve);
    return await use(bytes);
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
  return await collect(request.body, declared ?? limitBytes + 1, limitBytes, arrived);
}
