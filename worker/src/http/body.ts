/** Reads request bodies within bounds: one body's, and that of all bodies this isolate holds at once. */
import { readContentEncoding } from '@lepton-edge/protocol';
import { type Bodies, type Held, readPatiently } from './bodies.ts';
import { collect, contentLength, tooLarge } from './collect.ts';
import { readInflated } from './inflate.ts';

/** An inference body, after inflating. */
export const MAX_INFER_BODY_BYTES = 16 * 1024 * 1024;
const SMALL_BYTES = 64 * 1024;

/**
 * Reads a whole body of at most `limitBytes` after inflating and hands it to `use`; its bytes count as held from when they
 * came until `use` is done.
 * @throws LeptonError `body_too_large`, `encoding_not_supported`, `invalid_request` for one that does not inflate,
 * `request_timeout` for one that comes too slowly, or `overloaded` when the isolate holds too many bodies already
 */
export async function withBody<T>(
  request: Request,
  limitBytes: number,
  bodies: Bodies,
  use: (bytes: Uint8Array<ArrayBuffer>) => Promise<T>,
): Promise<T> {
  const coding = readContentEncoding(request.headers.get('content-encoding'));
  const held = bodies.begin();
  try {
    const arrived = (bytes: number) => held.add(bytes);
    const read = (patience?: Promise<never>) =>
      coding === 'identity'
        ? readBody(request, limitBytes, arrived, patience)
        : readInflated(request, coding, limitBytes, arrived, patience);
    const isSmall = coding === 'identity' && (contentLength(request) ?? limitBytes) <= SMALL_BYTES;
    return await use(isSmall ? await readSmall(request, held) : await readPatiently(held, read));
  } finally {
    held.end();
  }
}

/** What is small takes no room worth a timer, and the platform reads it in one piece at half the cost. */
async function readSmall(request: Request, held: Held): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(await request.arrayBuffer());
  held.arrived();
  held.add(bytes.byteLength);
  return bytes;
}

/**
 * Reads a whole body. What is left of one that is refused can still be read by others, so that the caller gets the answer.
 * @param arrived is told of bytes as they come, and may throw
 * @param patience rejects when it is not to be waited for any longer
 * @throws LeptonError `body_too_large`
 */
export async function readBody(
  request: Request,
  limitBytes: number,
  arrived: (bytes: number) => void = () => undefined,
  patience?: Promise<never>,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = contentLength(request);
  if (declared !== undefined && declared > limitBytes) throw tooLarge(limitBytes, `${declared} bytes`);
  if (!request.body || declared === 0) return new Uint8Array();
  return await collect(request.body, declared ?? limitBytes + 1, limitBytes, arrived, patience);
}
