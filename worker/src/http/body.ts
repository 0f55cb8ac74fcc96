/** Reads request bodies within bounds: one body's, and that of all bodies this isolate holds at once. */
import { LeptonError } from '@lepton-edge/protocol';
import type { Gateway } from '../context.ts';

/** An inference body, after inflating. */
export const MAX_INFER_BODY_BYTES = 16 * 1024 * 1024;
const MAX_HELD_BYTES = 16 * 1024 * 1024;

/**
 * Reads a whole body of at most `limitBytes` and hands it to `use`; its bytes count as held until `use` is done.
 * @throws LeptonError `body_too_large`, or `overloaded` when the isolate holds too many bodies already.
 */
export async function withBody<T>(
  request: Request,
  limitBytes: number,
  held: Gateway['bodies'],
  use: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const declared = contentLength(request);
  if (declared !== undefined && declared > limitBytes) throw tooLarge(limitBytes, `${declared} bytes`);
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
    reserve(declared ?? 0);
    return await use(await readAll(request, declared, limitBytes, reserve));
  } finally {
    held.heldBytes -= reserved;
  }
}

async function readAll(
  request: Request,
  declared: number | undefined,
  limitBytes: number,
  reserve: (bytes: number) => void,
): Promise<Uint8Array<ArrayBuffer>> {
  if (!request.body) return new Uint8Array();
  if (declared !== undefined) return new Uint8Array(await request.arrayBuffer());
  const chunks: Uint8Array[] = [];
  let size = 0;
  // Not cancelled when it is refused: what is left is read on elsewhere, so that the caller gets the answer.
  for await (const chunk of (request.body as ReadableStream<Uint8Array>).values({ preventCancel: true })) {
    size += chunk.byteLength;
    if (size > limitBytes) throw tooLarge(limitBytes, 'more');
    reserve(chunk.byteLength);
    chunks.push(chunk);
  }
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, at);
    at += chunk.byteLength;
  }
  return bytes;
}

/** The declared length of a body; undefined when it is sent in chunks. */
export function contentLength(request: Request): number | undefined {
  const text = request.headers.get('content-length');
  return text !== null && /^\d+$/.test(text) ? Number(text) : undefined;
}

function tooLarge(limitBytes: number, got: string): LeptonError {
  return new LeptonError('body_too_large', `expected a body of at most ${limitBytes} bytes, got ${got}`);
}
