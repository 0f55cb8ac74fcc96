/** How bodies are compressed on the wire: what a caller sent, and what it wants back. Source: RFC 9110, 8.4 and 12.5.3. */
import { LeptonError } from './errors.ts';

/** `deflate` is the zlib format (RFC 1950), as HTTP has it. */
export type ContentCoding = 'identity' | 'gzip' | 'deflate';

/** A shorter answer is not compressed: it would gain less than it costs. */
export const MIN_COMPRESSED_BYTES = 1024;

/** @throws LeptonError `encoding_not_supported` for another coding, or several on top of each other */
export function readContentEncoding(header: string | null | undefined): ContentCoding {
  const coding = (header ?? '').trim().toLowerCase();
  if (coding === '' || coding === 'identity') return 'identity';
  if (coding === 'gzip' || coding === 'x-gzip') return 'gzip';
  if (coding === 'deflate') return 'deflate';
  throw new LeptonError(
    'encoding_not_supported',
    `Content-Encoding: expected gzip, deflate or none, got ${JSON.stringify(header)}`,
  );
}

/** What a body that does not inflate is answered with. */
export function brokenBody(coding: ContentCoding, cause?: unknown): LeptonError {
  const format = coding === 'deflate' ? 'deflate (zlib format, RFC 1950)' : coding;
  const sentence = `Content-Encoding says ${format}, but the body is no such stream, or not all of one`;
  return new LeptonError('invalid_request', sentence, { cause });
}

/** The coding an answer may have, gzip where the caller likes both as much; `identity` unless one was asked for. */
export function chooseContentCoding(acceptEncoding: string | null | undefined): ContentCoding {
  if (!acceptEncoding) return 'identity';
  const weights = new Map<string, number>();
  for (const part of acceptEncoding.toLowerCase().split(',')) {
    const [name = '', ...parameters] = part.split(';').map((text) => text.trim());
    weights.set(name === 'x-gzip' ? 'gzip' : name, weightOf(parameters));
  }
  const weight = (name: string) => weights.get(name) ?? weights.get('*') ?? 0;
  const gzip = weight('gzip');
  const deflate = weight('deflate');
  const best = Math.max(gzip, deflate);
  // Not named, identity is what is left when nothing else will do.
  if (best === 0 || best < (weights.get('identity') ?? 0)) return 'identity';
  return gzip >= deflate ? 'gzip' : 'deflate';
}

/** `q=0.5`; what is no weight counts as none, so that it asks for nothing. */
function weightOf(parameters: readonly string[]): number {
  const text = parameters.find((parameter) => parameter.startsWith('q='))?.slice(2);
  if (text === undefined) return 1;
  return /^(0(\.\d{0,3})?|1(\.0{0,3})?)$/.test(text) ? Number(text) : 0;
}
