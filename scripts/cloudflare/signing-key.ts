/** The key that the gateway signs its calls to nodes with, in the form the secret GATEWAY_KEYS has. */
import { createHash, generateKeyPairSync } from 'node:crypto';
import { Failure } from '../../standalone/src/failure.ts';

/** A JSON array of one private Ed25519 JWK (RFC 8037); its `kid` is its thumbprint (RFC 7638). */
export function newGatewayKeys(): string {
  const { kty, crv, x, d } = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' });
  if (!kty || !crv || !x || !d) throw new Failure('making the signing key failed: this Node exports no Ed25519 keys');
  return JSON.stringify([{ kty, crv, kid: thumbprint({ kty, crv, x }), x, d }]);
}

/** Of an Ed25519 key: SHA-256 over its required members in the order of their names, in base64url. */
export function thumbprint({ kty, crv, x }: { kty: string; crv: string; x: string }): string {
  return createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
}
