/** Compresses answers for callers that ask for it. */
import { type ContentCoding, chooseContentCoding, MIN_COMPRESSED_BYTES } from '@lepton-edge/protocol';
import type { Sent } from '../cache/repeats.ts';

/**
 * What the caller of a request wants its answer compressed with. On Cloudflare the header says what the platform accepts;
 * what the caller did is kept beside it.
 */
export function codingFor(request: Request): ContentCoding {
  const cf = request.cf as IncomingRequestCfProperties | undefined;
  return chooseContentCoding(cf?.clientAcceptEncoding ?? request.headers.get('accept-encoding'));
}

/** A body, compressed where that makes it shorter; the headers then say so. */
export function compressed(
  body: Sent['body'],
  headers: Record<string, string>,
  coding: ContentCoding,
): Sent | Promise<Sent> {
  return coding === 'identity' || body.length < MIN_COMPRESSED_BYTES
    ? { body, headers }
    : shorter(body, headers, coding);
}

async function shorter(body: Sent['body'], headers: Record<string, string>, coding: 'gzip' | 'deflate'): Promise<Sent> {
  const bytes = (typeof body === 'string' ? new TextEncoder().encode(body) : body) as Uint8Array<ArrayBuffer>;
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream(coding));
  const fewer = new Uint8Array(await new Response(stream).arrayBuffer());
  if (fewer.byteLength >= bytes.byteLength) return { body: bytes, headers };
  return { body: fewer, headers: { ...headers, 'content-encoding': coding }, encodeBody: 'manual' };
}
