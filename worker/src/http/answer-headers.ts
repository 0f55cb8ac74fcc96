/** What every answer of a model says of itself. */
import { CACHE_HEADER, type CacheStatus, MODEL_HEADER, PLACEMENT_HEADER, type Placement } from '@lepton-edge/protocol';
import type { Timings } from '../infer/timings.ts';
import type { KnownVersion } from '../services/directory.ts';

export interface Answered {
  version: KnownVersion;
  placement: Placement;
  cache: CacheStatus;
  /** Of an answer from the cache: how long ago it was computed, the oldest part of it. */
  ageMs?: number | undefined;
}

/** Plain, for `new Response`: an object of the platform's would be made twice. */
export function answerHeaders(
  { version, placement, cache, ageMs }: Answered,
  timings: Timings,
): Record<string, string> {
  const headers: Record<string, string> = {
    'cache-control': 'no-store',
    [MODEL_HEADER]: `${version.model}@${version.version}`,
    'x-lepton-digest': version.digest,
    [PLACEMENT_HEADER]: placement,
    [CACHE_HEADER]: cache,
  };
  if (ageMs !== undefined) headers.age = String(Math.floor(ageMs / 1000));
  const timing = timings.header();
  if (timing) headers['server-timing'] = timing;
  return headers;
}
