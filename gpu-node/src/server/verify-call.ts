/** Lets in the gateway and nobody else: Ed25519 JWTs, signed by its keys, made for this node, short-lived. */
import { LeptonError } from '@lepton-edge/protocol';
import { errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { LRUCache } from 'lru-cache';
import { gatewayKeys } from './gateway-keys.ts';

const MAX_LIFETIME_S = 60;
/** Clocks of two machines differ. */
const CLOCK_SKEW_S = 5;
const TOKENS_KEPT = 256;

/** Whose calls to trust, as pinned at join. */
export interface Trust {
  issuer: string;
  nodeId: string;
}

/** @throws LeptonError `unauthenticated` saying what was expected; `unavailable` when the gateway's keys cannot be had */
export type VerifyCall = (authorization: string | undefined) => Promise<void>;

export interface CallClock {
  /** Milliseconds since 1970, by the gateway's clock as far as it is known. */
  now(): number;
  /** A sentence where this machine's clock is noticeably wrong. */
  warning(): string | undefined;
}

/**
 * A token is verified once and then known by its text until it expires: the gateway uses one for many calls.
 * @param trust read at each call: a node that joins again is another
 */
export function createCallVerifier(trust: () => Trust | undefined, clock: CallClock): VerifyCall {
  const now = () => clock.now();
  const keySets = new LRUCache<string, JWTVerifyGetKey>({ max: 4, memoMethod: gatewayKeys });
  /** Key: issuer, node and token; value: when it expires, in ms. */
  const verified = new LRUCache<string, number>({ max: TOKENS_KEPT });

  return async function verifyCall(authorization) {
    const trusted = trust();
    if (!trusted)
      throw new LeptonError('unavailable', 'this node has not joined its gateway yet', { retryAfterSeconds: 1 });
    const token = /^Bearer ([\w.~+/=-]+)$/i.exec(authorization ?? '')?.[1];
    if (token === undefined)
      throw refused(trusted, authorization === undefined ? 'no token came' : 'it is no Bearer token');
    const key = `${trusted.issuer} ${trusted.nodeId} ${token}`;
    const expiresAt = verified.get(key);
    if (expiresAt !== undefined && expiresAt > now()) return;
    const keys = keySets.memo(trusted.issuer);
    try {
      const payload = await verifyToken(token, keys, trusted, now());
      verified.set(key, checkLifetime(payload, trusted, now()) * 1000);
    } catch (error) {
      throw withClock(error, clock.warning());
    }
  };
}

async function verifyToken(token: string, keys: JWTVerifyGetKey, trusted: Trust, now: number): Promise<JWTPayload> {
  try {
    const { payload } = await jwtVerify(token, keys, {
      algorithms: ['EdDSA'],
      issuer: trusted.issuer,
      audience: trusted.nodeId,
      requiredClaims: ['exp', 'iat'],
      clockTolerance: CLOCK_SKEW_S,
      currentDate: new Date(now),
    });
    return payload;
  } catch (error) {
    if (isTokenFault(error)) throw refused(trusted, error.message, error);
    throw new LeptonError('unavailable', `this node cannot get the keys of ${trusted.issuer} to verify calls with`, {
      cause: error,
      retryAfterSeconds: 1,
    });
  }
}

/** A refusal names a wrong clock, which may well be its cause. */
function withClock(error: unknown, warning: string | undefined): unknown {
  if (warning === undefined || !(error instanceof LeptonError) || error.code !== 'unauthenticated') return error;
  return new LeptonError('unauthenticated', `${error.message}; ${warning}`, { cause: error });
}

/** @returns `exp`, in seconds */
function checkLifetime({ exp, iat }: JWTPayload, trusted: Trust, now: number): number {
  if (exp === undefined || iat === undefined || exp - iat > MAX_LIFETIME_S) {
    throw refused(trusted, `it lives longer than ${MAX_LIFETIME_S} s`);
  }
  if (exp > now / 1000 + MAX_LIFETIME_S + CLOCK_SKEW_S) throw refused(trusted, 'it is from the future');
  return exp;
}

/** Told apart from a failure to fetch the keys, which is no fault of the token. */
function isTokenFault(error: unknown): error is Error {
  return (
    error instanceof errors.JWTExpired ||
    error instanceof errors.JWTClaimValidationFailed ||
    error instanceof errors.JWTInvalid ||
    error instanceof errors.JWSInvalid ||
    error instanceof errors.JWSSignatureVerificationFailed ||
    error instanceof errors.JOSEAlgNotAllowed ||
    error instanceof errors.JOSENotSupported ||
    error instanceof errors.JWKSNoMatchingKey ||
    error instanceof errors.JWKSMultipleMatchingKeys
  );
}

function refused({ issuer, nodeId }: Trust, why: string, cause?: unknown): LeptonError {
  const expected = `expected "Authorization: Bearer <JWT>", EdDSA, of ${issuer} for ${nodeId}, living at most ${MAX_LIFETIME_S} s`;
  return new LeptonError('unauthenticated', `${expected}; ${why}`, { cause });
}
