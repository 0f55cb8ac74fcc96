/** Checks that a node's address may be called, and that it is the node's own. */
import { CHALLENGE_PATH, LeptonError, type NodePublicKey } from '@lepton-edge/protocol';
import { decodeJwt, importJWK, jwtVerify } from 'jose';
import { z } from 'zod';
import type { Gateway } from '../../context.ts';

const CHALLENGE_TIMEOUT_MS = 5_000;
const MAX_SKEW_MS = 15 * 60_000;
const ChallengeAnswer = z.object({ proof: z.string().max(4096) });

/**
 * Calls the address with a nonce that only the holder of the node's key can sign.
 * @throws LeptonError `node_unverified` saying what would help
 */
export async function verifyAddress(
  gateway: Gateway,
  url: string,
  issuer: string,
  publicKey: NodePublicKey,
): Promise<void> {
  if (!gateway.settings.allowPrivateNodes) refusePrivate(url);
  const nonce = crypto.randomUUID();
  const answer = await challenge(gateway, url, { nonce, audience: issuer });
  const key = await importJWK(publicKey, 'EdDSA');
  // The nonce is of this moment, so the proof is: its times only tell what the node's clock says.
  const { iat = 0 } = claimsOf(answer.proof);
  const options = { algorithms: ['EdDSA'], audience: issuer, currentDate: new Date(iat * 1000) };
  const verified = await jwtVerify(answer.proof, key, options).catch((cause) => {
    throw new LeptonError('node_unverified', `${url} signed with another key than the node gave`, { cause });
  });
  if (verified.payload.nonce !== nonce) {
    throw new LeptonError('node_unverified', `${url} signed another nonce than it was given`);
  }
  refuseSkew(url, iat * 1000 - gateway.now());
}

function claimsOf(proof: string): { iat?: number | undefined } {
  try {
    return decodeJwt(proof);
  } catch {
    // What is no JWT fails its verification, too.
    return {};
  }
}

/** A node corrects for a clock that is minutes wrong; one that is further off breaks TLS and misleads whoever reads its log. */
function refuseSkew(url: string, skewMs: number): void {
  if (Math.abs(skewMs) <= MAX_SKEW_MS) return;
  const minutes = Math.round(Math.abs(skewMs) / 60_000);
  const direction = skewMs > 0 ? 'ahead of' : 'behind';
  throw new LeptonError(
    'node_unverified',
    `the clock of the node at ${url} is ${minutes} minutes ${direction} the gateway's: set it (NTP), ${MAX_SKEW_MS / 60_000} minutes are tolerated`,
  );
}

async function challenge(gateway: Gateway, url: string, body: object): Promise<z.output<typeof ChallengeAnswer>> {
  let response: Response;
  try {
    response = await gateway.fetch(`${url.replace(/\/+$/, '')}${CHALLENGE_PATH}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
      signal: AbortSignal.timeout(CHALLENGE_TIMEOUT_MS),
    });
  } catch (cause) {
    throw new LeptonError(
      'node_unverified',
      `the gateway cannot reach the node at ${url}: is the address right and open?`,
      { cause },
    );
  }
  const parsed = ChallengeAnswer.safeParse(await response.json().catch(() => undefined));
  if (response.ok && parsed.success) return parsed.data;
  throw new LeptonError('node_unverified', `${url} does not answer as a gpu-node (status ${response.status})`);
}

/** A public address has a host name under a public suffix; the gateway must not be made to call into private networks. */
function refusePrivate(text: string): void {
  const url = new URL(text);
  const { protocol } = url;
  // A dot at the end makes no other name.
  const hostname = url.hostname.replace(/\.+$/, '');
  const literal = hostname.startsWith('[') || /^[\d.]+$/.test(hostname);
  const privateName =
    !hostname.includes('.') || /(^|\.)(localhost|local|internal|lan|home|corp|test|invalid|arpa)$/.test(hostname);
  if (protocol === 'https:' && !literal && !privateName) return;
  throw new LeptonError(
    'node_unverified',
    `url: expected https and a public host name, got ${text}; a private node needs a tunnel, or ALLOW_PRIVATE_NODES on a gateway of your own`,
  );
}
