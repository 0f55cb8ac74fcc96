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

/** A body as it is sent: compressed where that makes it shorter, and then with the header that says so. */
export async function compressed({ body, headers }: Sent, coding: ContentCoding): Promise<Sent> {
  if (coding === 'identity' || body.length < MIN_COMPRESSED_BYTES) return { body, headers };
  const bytes = (typeof body === 'string' ? new TextEncoder().encode(body) : body) as Uint8Array<ArrayBuffer>;
  const stream = new Blob([bytes]).stream().pipeThrough(new CompressionStream(coding));
  const shorter = new Uint8Array(await new Response(stream).arrayBuffer());
  if (shorter.byteLength >= bytes.byteLength) return { body: bytes, headers };
  return { body: shorter, headers: { ...headers, 'content-encoding': coding } };
}
