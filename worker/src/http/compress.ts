/** Compresses answers for callers that ask for it. */
import { type ContentCoding, chooseContentCoding, MIN_COMPRESSED_BYTES } from '@lepton-edge/protocol';

/**
 * What the caller of a request wants its answer compressed with. On Cloudflare the header says what the platform accepts;
 * what the caller did is kept beside it.
 */
export function codingFor(request: Request): ContentCoding {
  const cf = request.cf as IncomingRequestCfProperties | undefined;
  return chooseContentCoding(cf?.clientAcceptEncoding ?? request.headers.get('accept-encoding'));
}

/** An answer of 200, compressed where that makes it shorter. */
export async function compressedResponse(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Headers,
  coding: ContentCoding,
): Promise<Response> {
  if (coding === 'identity' || body.length < MIN_COMPRESSED_BYTES) return new Response(body, { headers });
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream(coding));
  const compressed = await new Response(stream).arrayBuffer();
  if (compressed.byteLength >= bytes.byteLength) return new Response(bytes, { headers });
  headers.set('content-encoding', coding);
  return new Response(compressed, { headers, encodeBody: 'manual' });
}
