/** A gateway's public keys: fetched, kept for ten minutes, and for an hour where it does not answer any more. */
import {
  createLocalJWKSet,
  createRemoteJWKSet,
  type ExportedJWKSCache,
  errors,
  type JWTVerifyGetKey,
  jwksCache,
} from 'jose';

const TIMEOUT_MS = 5_000;
const KEPT_MS = 60 * 60 * 1000;

/** @param issuer the gateway's URL */
export function gatewayKeys(issuer: string): JWTVerifyGetKey {
  const url = new URL(`${issuer.replace(/\/+$/, '')}/.well-known/jwks.json`);
  // Filled by each fetch.
  const cache: ExportedJWKSCache | Record<string, never> = {};
  const fetched = createRemoteJWKSet(url, { timeoutDuration: TIMEOUT_MS, [jwksCache]: cache });
  return async (header, token) => {
    try {
      return await fetched(header, token);
    } catch (error) {
      const { jwks, uat = 0 } = cache;
      const isAnswer = error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys;
      if (isAnswer || !jwks || Date.now() - uat > KEPT_MS) throw error;
      return await createLocalJWKSet(jwks)(header, token);
    }
  };
}
