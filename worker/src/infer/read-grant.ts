/** Reads the grant a node presents: signed by this gateway, for this node, for one version. */
import { Digest, LeptonError } from '@lepton-edge/protocol';
import { importJWK, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Grant } from '../context.ts';
import type { SigningKey } from '../env.ts';
import { GRANT_PURPOSE } from './signer.ts';

const GrantClaims = z.object({
  sub: z.string(),
  purpose: z.literal(GRANT_PURPOSE),
  model: z.string(),
  version: z.number().int(),
  digest: Digest,
});

/** @throws LeptonError `missing_scope` when the grant is absent, expired or not this node's. */
export async function readGrant(
  token: string | undefined,
  nodeId: string,
  keys: readonly SigningKey[],
): Promise<Grant> {
  if (!token) throw refused('no grant came with the call');
  for (const key of keys) {
    const { kty, crv, x, kid } = key;
    const verified = await jwtVerify(token, await importJWK({ kty, crv, x }, 'EdDSA'), {
      algorithms: ['EdDSA'],
    }).catch(() => undefined);
    const claims = GrantClaims.safeParse(verified?.payload);
    if (verified?.protectedHeader.kid === kid && claims.success && claims.data.sub === nodeId) {
      const { model, version, digest } = claims.data;
      return { model, version, digest };
    }
  }
  throw refused('its grant is not valid: expired, for another node, or not signed by this gateway');
}

function refused(why: string): LeptonError {
  return new LeptonError('missing_scope', `a node reads only what the gateway has sent it, and ${why}`);
}
