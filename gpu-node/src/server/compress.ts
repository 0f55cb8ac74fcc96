/** Bodies inflated and answers compressed, on the threads that Node keeps for it. */
import { promisify } from 'node:util';
import { deflate, gunzip, gzip, inflate } from 'node:zlib';
import { brokenBody, type ContentCoding, LeptonError, MIN_COMPRESSED_BYTES } from '@lepton-edge/protocol';
import type { Reply } from './reply.ts';

const INFLATE = { gzip: promisify(gunzip), deflate: promisify(inflate) };
const COMPRESS = { gzip: promisify(gzip), deflate: promisify(deflate) };
/** Higher levels gain a tenth on numbers and take several times as long. */
const LEVEL = 1;

/**
 * @returns bytes whose buffer nothing else uses
 * @throws LeptonError `body_too_large` before more than that is made, `invalid_request` for what is no such stream
 */
export async function inflated(
  bytes: Uint8Array,
  coding: Exclude<ContentCoding, 'identity'>,
  maxBytes: number,
): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const made = await INFLATE[coding](bytes, { maxOutputLength: maxBytes });
    // Small ones lie in memory that Node shares out.
    return made.byteLength === made.buffer.byteLength ? new Uint8Array(made.buffer) : Uint8Array.from(made);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ERR_BUFFER_TOO_LARGE') throw brokenBody(coding, error);
    throw new LeptonError('body_too_large', `expected a body that inflates to at most ${maxBytes} bytes, got more`);
  }
}

/** The answer with its body compressed, where that makes it shorter. */
export async function compressed(reply: Reply, coding: ContentCoding): Promise<Reply> {
  const { body, headers } = reply;
  if (coding === 'identity' || body.length < MIN_COMPRESSED_BYTES) return reply;
  const made = await COMPRESS[coding](body, { level: LEVEL });
  if (made.byteLength >= body.length) return reply;
  return { ...reply, headers: { ...headers, 'content-encoding': coding }, body: made };
}
