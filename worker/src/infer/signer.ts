/** Signs the gateway's calls to nodes: Ed25519 JWTs (RFC 7519, RFC 8037), reused for a while per node. */
import { LeptonError } from '@lepton-edge/protocol';
import { importJWK, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import type { Grant } from '../context.ts';
import type { SigningKey } from '../env.ts';

const CALL_LIFETIME_S = 60;
const CALL_REUSE_MS = 30_000;
const GRANT_LIFETIME_S = 600;
const GRANT_REUSE_MS = 300_000;

export interface Signer {
  /** The Bearer token of a call to a node. */
  callToken(node: { id: string; issuer: string }): Promise<string>;
  /** Lets the node read one version's manifest and files. */
  grantToken(node: { id: string; issuer: string }, grant: Grant): Promise<string>;
  /** The public keys, newest first, as a JWK set (RFC 7517). */
  publicKeys(): { keys: object[] };
}

/** What sets a grant apart from a call token. */
export const GRANT_PURPOSE = 'read-version';

export function createSigner(keys: readonly SigningKey[], now: () => number): Signer {
  const [first] = keys;
  // Strings only: what one request makes, another may use.
  const tokens = new LRUCache<string, string>({ max: 10_000, perf: { now }, ttlResolution: 0 });
  const sign = async (claims: Record<string, unknown>, aud: string, iss: string, lifetimeS: number) => {
    if (!first) {
      throw new LeptonError(
        'unavailable',
        'the gateway has no signing key: set the secret GATEWAY_KEYS (npm run deploy does)',
      );
    }
    const issuedAt = Math.floor(now() / 1000);
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA', kid: first.kid })
      .setIssuer(iss)
      .setAudience(aud)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + lifetimeS)
      .sign(await importJWK(first, 'EdDSA'));
  };
  const reused = async (key: string, ttl: number, make: () => Promise<string>) => {
    const known = tokens.get(key);
    if (known) return known;
    const token = await make();
    tokens.set(key, token, { ttl });
    return token;
  };
  return {
    callToken: (node) =>
      reused(`call ${node.id} ${node.issuer}`, CALL_REUSE_MS, () => sign({}, node.id, node.issuer, CALL_LIFETIME_S)),
    grantToken: (node, { model, version, digest }) =>
      reused(`grant ${node.id} ${digest} ${model} ${version}`, GRANT_REUSE_MS, () =>
        sign(
          { sub: node.id, purpose: GRANT_PURPOSE, model, version, digest },
          node.issuer,
          node.issuer,
          GRANT_LIFETIME_S,
        ),
      ),
    publicKeys: () => ({ keys: keys.map(({ kty, crv, kid, x }) => ({ kty, crv, kid, x, use: 'sig', alg: 'EdDSA' })) }),
  };
}
