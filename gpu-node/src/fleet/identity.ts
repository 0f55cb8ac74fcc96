/** The node's own key (Ed25519): made once, kept in its home, shown to gateways by signing what they ask. */
import { join } from 'node:path';
import { NodePublicKey } from '@lepton-edge/protocol';
import { type CryptoKey, exportJWK, generateKeyPair, importJWK, type JWTPayload, SignJWT } from 'jose';
import { z } from 'zod';
import { readPrivateJson, writePrivateJson } from './private-file.ts';

const PROOF_LIFETIME_S = 60;

const StoredKey = NodePublicKey.extend({ d: z.string() });

export interface Identity {
  publicKey: NodePublicKey;
  /** A JWT by which the holder of `publicKey` answers one nonce of one gateway. */
  prove(nonce: string, audience: string): Promise<string>;
  /** A JWT by which the holder asks a gateway, at that time by its clock, for what these references stand for. No challenge makes such a one. */
  askFor(pins: readonly string[], audience: string, nowMs: number): Promise<string>;
}

/** Reads `<home>/identity.json`, or makes it. @throws Error when the file is damaged or the home not writable */
export async function loadIdentity(home: string): Promise<Identity> {
  const path = join(home, 'identity.json');
  let key = await readPrivateJson(path, StoredKey);
  if (!key) {
    key = await newKey();
    await writePrivateJson(path, key);
  }
  const { d: _private, ...publicKey } = key;
  const signingKey = (await importJWK(key, 'EdDSA')) as CryptoKey;
  const sign = async (claims: JWTPayload, audience: string, nowMs: number) => {
    const issuedAt = Math.floor(nowMs / 1000);
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: 'EdDSA' })
      .setAudience(audience)
      .setIssuedAt(issuedAt)
      .setExpirationTime(issuedAt + PROOF_LIFETIME_S)
      .sign(signingKey);
  };
  return {
    publicKey,
    prove: (nonce, audience) => sign({ nonce }, audience, Date.now()),
    askFor: (pins, audience, nowMs) => sign({ pins: [...pins] }, audience, nowMs),
  };
}

async function newKey(): Promise<z.output<typeof StoredKey>> {
  const { privateKey } = await generateKeyPair('EdDSA', { crv: 'Ed25519', extractable: true });
  const { kty, crv, x, d } = await exportJWK(privateKey);
  return StoredKey.parse({ kty, crv, x, d });
}
