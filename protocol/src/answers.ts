/** What every inference answer says of itself in headers (besides `x-request-id` and `server-timing`). */

export const MODEL_HEADER = 'x-lepton-model';
export const PLACEMENT_HEADER = 'x-lepton-placement';
export const CACHE_HEADER = 'x-lepton-cache';
/** Asks for a placement. */
export const PLACE_HEADER = 'x-lepton-place';
/** Names the caller for traffic splits: the same name gets the same version. */
export const STICKY_HEADER = 'x-lepton-sticky';
/** How long an answer is of use, in milliseconds from when the request arrived; to a node, what is left of that. */
export const TIMEOUT_HEADER = 'x-lepton-timeout-ms';
/** Which of a team's own requests go first: 1 (high), 2 (normal), 3 (low). */
export const PRIORITY_HEADER = 'x-lepton-priority';
export const REQUEST_ID_HEADER = 'x-request-id';

export type CacheStatus = 'hit' | 'miss' | 'stale' | 'bypass';
/** `edge`, `cache` or `node:<id>`. */
export type Placement = 'edge' | 'cache' | `node:${string}`;
