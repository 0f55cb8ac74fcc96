/**
 * The fields `RateLimit-Policy` and `RateLimit` of an answer, as structured fields (RFC 9651).
 * Source: draft-ietf-httpapi-ratelimit-headers-11, "RateLimit header fields for HTTP".
 */
import type { QuotaRefused } from './refusals.ts';
import { DIMENSIONS, type Dimension, type Limits, type Standing, WINDOW_MS } from './terms.ts';

const WINDOW_SECONDS = WINDOW_MS / 1000;

/** The last unit is of our own: the draft registers requests, bytes and concurrent requests. */
const POLICIES: Record<Dimension, (limit: number) => string> = {
  requests: (limit) => `"requests";q=${limit};w=${WINDOW_SECONDS}`,
  concurrent: (limit) => `"concurrent";q=${limit};qu="concurrent-requests"`,
  units: (limit) => `"units";q=${limit};w=${WINDOW_SECONDS};qu="compute-units"`,
};

export function policyField(limits: Limits): string {
  return DIMENSIONS.flatMap((dimension) => {
    const limit = limits[dimension];
    return limit === undefined ? [] : [POLICIES[dimension](limit)];
  }).join(', ');
}

/**
 * What is left of each, and in how many seconds more of it is free: a window that slides frees what was used a minute after.
 * @param refused where a request was refused: what it was refused for, and after how many seconds it may come again
 */
export function limitField(
  standing: readonly (Standing & { dimension: Dimension })[],
  refused?: Pick<QuotaRefused, 'dimension' | 'retryAfterSeconds'>,
): string {
  return standing
    .map(({ dimension, free, resetMs }) => {
      const seconds =
        refused?.dimension === dimension ? refused.retryAfterSeconds : resetMs && Math.ceil(resetMs / 1000);
      return `"${dimension}";r=${free}${seconds === undefined ? '' : `;t=${seconds}`}`;
    })
    .join(', ');
}
