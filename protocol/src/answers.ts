/** What every inference answer says of itself in headers (besides `x-request-id` and `server-timing`). */

export const MODEL_HEADER = 'x-lepton-model';
export const PLACEMENT_HEADER = 'x-lepton-placement';
export const CACHE_HEADER = 'x-lepton-cache';
/** Asks for a placement. */
export const PLACE_HEADER = 'x-lepton-place';
/** Names the caller for traffic splits: the same name gets the same version. */
export const STICKY_HEADER = 'x-lepton-sticky';
export const REQUEST_ID_HEADER = 'x-request-id';

export type CacheStatus = 'hit' | 'miss' | 'stale' | 'bypass';
/** `edge`, `cache` or `node:<id>`. */
export type Placement = 'edge' | 'cache' | `node:${string}`;
