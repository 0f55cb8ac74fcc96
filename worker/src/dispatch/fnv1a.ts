/** A quick hash that spreads names; whoever chooses the names can make them meet. Pure. */

const OFFSET_BASIS = 0x811c9dc5;
const PRIME = 0x01000193;

/**
 * FNV-1a in 32 bits, of UTF-16 code units where the source has octets: for ASCII it is the same.
 * Source: RFC 9923, "The FNV Non-Cryptographic Hash Algorithm".
 * @param from the hash of what comes before
 */
export function fnv1a(text: string, from = OFFSET_BASIS): number {
  let hash = from;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME);
  return hash >>> 0;
}
