/** What every answer of a model says of itself. */
import {
  CACHE_HEADER,
  type CacheStatus,
  DIGEST_HEADER,
  MODEL_HEADER,
  PLACEMENT_HEADER,
  type Placement,
  REQUEST_ID_HEADER,
} from '@lepton-edge/protocol';
import type { Sent } from '../cache/repeats.ts';
import type { Timings } from '../infer/timings.ts';
import type { KnownVersion } from '../services/directory.ts';
import type { AppContext } from './app-env.ts';

export interface Answered {
  version: KnownVersion;
  placement: Placement;
  cache: CacheStatus;
}

export function answerHeaders({ version, placement, cache }: Answered): Record<string, string> {
  return {
    'cache-control': 'no-store',
    [MODEL_HEADER]: `${version.model}@${version.version}`,
    [DIGEST_HEADER]: version.digest,
    [PLACEMENT_HEADER]: placement,
    [CACHE_HEADER]: cache,
  };
}

/**
 * The answer of a model. One that may be sent again has `Headers`, which are taken over in half the time that a plain object takes; to
 * set one on a response takes as long as to make it. So what is this request's own is set on those, anew each time.
 * @param ageMs of an answer from the cache: how long ago it was computed, the oldest part of it
 */
export function answerResponse(c: AppContext, sent: Sent, ageMs: number | undefined, timings: Timings): Response {
  const { body, headers, encodeBody } = sent;
  const tracing = c.get('tracing');
  tracing.answer = body;
  // Another machine's clock may be a little ahead.
  const age = ageMs === undefined ? undefined : String(Math.max(0, Math.floor(ageMs / 1000)));
  const timing = timings.header();
  if (headers instanceof Headers) {
    headers.set(REQUEST_ID_HEADER, tracing.requestId);
    if (age !== undefined) headers.set('age', age);
    if (timing) headers.set('server-timing', timing);
    else headers.delete('server-timing');
  } else {
    headers[REQUEST_ID_HEADER] = tracing.requestId;
    if (age !== undefined) headers.age = age;
    if (timing) headers['server-timing'] = timing;
  }
  const response = new Response(body, encodeBody ? { headers, encodeBody } : { headers });
  c.set('identified', response);
  return response;
}

/**
 * Sets a header of the answer, be it there already: Hono's own way then makes a second response of the first one's stream, which
 * only an answer of another service needs, whose headers are as they are.
 */
export function tell(c: AppContext, name: string, value: string): void {
  if (!c.finalized) {
    c.header(name, value);
    return;
  }
  try {
    c.res.headers.set(name, value);
  } catch {
    c.header(name, value);
  }
}
