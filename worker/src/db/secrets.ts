/** Secrets that are shown once and stored only as their hash. */
import { sha256Hex } from '../digest.ts';

const encoder = new TextEncoder();

/** 256 random bits in base64url behind a prefix that says what it is: `lep_…` a key, `lnt_…` a node token, `lnc_…` a credential. */
export function newSecret(prefix: 'lep' | 'lnt' | 'lnc'): string {
  const bytes = crypto.getRandomValues(new Uint8Array(32));
  const base64 = btoa(String.fromCharCode(...bytes));
  return `${prefix}_${base64.replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')}`;
}

/** SHA-256 in hexadecimal, as stored. */
export async function hashSecret(secret: string): Promise<string> {
  return await sha256Hex(encoder.encode(secret));
}

/** What of a secret may be shown again. */
export function prefixOf(secret: string): string {
  return secret.slice(0, 12);
}
