/** Reads a request's body into memory of its own, inflated, within a bound, and says how much it is as that becomes known. */
import type { IncomingMessage } from 'node:http';
import { LeptonError, readContentEncoding } from '@lepton-edge/protocol';
import { CallerGone } from '../core/claim.ts';
import { inflated } from './compress.ts';

type Grow = (bytes: number) => void;

/** What a request says of its body's length before it comes. */
export function statedLength({ headers }: IncomingMessage): number {
  return Number(headers['content-length'] ?? 0);
}

/**
 * @param maxBytes bounds what comes and what it inflates to
 * @param grow is told how many bytes there are while a body of no stated length comes, and once it is inflated; what it throws ends the reading
 * @returns bytes whose buffer nothing else uses, so that it may be moved to a thread
 * @throws LeptonError `body_too_large`, `encoding_not_supported`, `invalid_request` for what does not inflate; CallerGone
 * when the connection breaks
 */
export async function readBody(
  request: IncomingMessage,
  maxBytes: number,
  grow: Grow = () => undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const coding = readContentEncoding(request.headers['content-encoding']);
  const bytes = await readWire(request, maxBytes, grow);
  if (coding === 'identity') return bytes;
  const made = await inflated(bytes, coding, maxBytes);
  grow(made.byteLength);
  return made;
}

async function readWire(request: IncomingMessage, maxBytes: number, grow: Grow): Promise<Uint8Array<ArrayBuffer>> {
  const length = request.headers['content-length'];
  const declared = length === undefined ? undefined : Number(length);
  if (declared !== undefined && declared > maxBytes) throw tooLarge(maxBytes, `${declared} bytes`);
  try {
    return declared === undefined ? await readUnknown(request, maxBytes, grow) : await readExactly(request, declared);
  } catch (error) {
    if (error instanceof LeptonError) throw error;
    throw new CallerGone('the connection broke while the body came', { cause: error });
  }
}

/** Node's parser hands over exactly as much as was declared, or an error. Listeners cost a fraction of an iterator's promises. */
function readExactly(request: IncomingMessage, length: number): Promise<Uint8Array<ArrayBuffer>> {
  return new Promise((resolve, reject) => {
    const broken = () => reject(new Error('the connection was closed'));
    if (request.destroyed) {
      broken();
      return;
    }
    const bytes = new Uint8Array(length);
    let at = 0;
    request.on('data', (chunk: Buffer) => {
      bytes.set(chunk, at);
      at += chunk.byteLength;
    });
    request.once('end', () => resolve(bytes));
    request.once('error', reject);
    request.once('close', () => {
      if (!request.readableEnded) broken();
    });
  });
}

async function readUnknown(request: IncomingMessage, maxBytes: number, grow: Grow): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes, 'more');
    grow(size);
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

function tooLarge(maxBytes: number, got: string): LeptonError {
  return new LeptonError('body_too_large', `expected a body of at most ${maxBytes} bytes, got ${got}`);
}
