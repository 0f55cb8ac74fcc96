/** The token with which the gateway calls its nodes, made from its home: to call a node just as the gateway does. */
import { createPrivateKey, sign } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { homePaths } from '../standalone/src/paths.ts';

const LIFETIME_S = 60;

/** An Ed25519 JWT (RFC 7519, RFC 8037), good for a minute. */
export async function callToken(home: string, issuer: string, nodeId: string): Promise<string> {
  const [key] = JSON.parse(await readFile(homePaths(home).gatewayKeys, 'utf8'));
  const iat = Math.floor(Date.now() / 1000);
  const parts = [
    { alg: 'EdDSA', kid: key.kid },
    { iss: issuer, aud: nodeId, iat, exp: iat + LIFETIME_S },
  ];
  const text = parts.map((part) => Buffer.from(JSON.stringify(part)).toString('base64url')).join('.');
  const signature = sign(null, Buffer.from(text), createPrivateKey({ key, format: 'jwk' }));
  return `${text}.${signature.toString('base64url')}`;
}
