/**
 * Whether a remembered answer will do: by the model's manifest, and by the `Cache-Control` of the request.
 * Sources: RFC 9111, sections 4.2 and 5.2.1; RFC 5861 for what is stale.
 */
import type { Manifest } from '@lepton-edge/protocol';

export type CachePolicy = Manifest['cache'];

/** What a request says of remembered answers; times in seconds. */
export interface CacheDirectives {
  /** Computed anew, and remembered. */
  noCache?: boolean;
  /** Computed anew, and not remembered. */
  noStore?: boolean;
  /** Not computed. */
  onlyIfCached?: boolean;
  maxAge?: number;
  minFresh?: number;
  /** Infinity: however stale. */
  maxStale?: number;
  staleIfError?: number;
}

/** Of a request that says nothing. */
const NO_DIRECTIVES: CacheDirectives = Object.freeze({});

/** What is between commas; one within quotes is none. */
const DIRECTIVES = /(?:[^,"]|"(?:[^"\\]|\\.)*"?)+/g;
const FLAGS = { 'no-cache': 'noCache', 'no-store': 'noStore', 'only-if-cached': 'onlyIfCached' } as const;
const TIMES = {
  'max-age': 'maxAge',
  'min-fresh': 'minFresh',
  'max-stale': 'maxStale',
  'stale-if-error': 'staleIfError',
} as const;

/** Directives that are unknown, or have a value that is none, are as if they were not there. Of two times the stricter counts. */
export function readCacheControl(header: string | undefined): CacheDirectives {
  if (header === undefined) return NO_DIRECTIVES;
  const directives: CacheDirectives = {};
  for (const directive of header.match(DIRECTIVES) ?? []) {
    const [, name = '', value] = /^([^=]*)(?:=(.*))?$/s.exec(directive.trim()) ?? [];
    const lower = name.toLowerCase();
    const flag = FLAGS[lower as keyof typeof FLAGS];
    const time = TIMES[lower as keyof typeof TIMES];
    if (flag && value === undefined) directives[flag] = true;
    if (!time) continue;
    const seconds = lower === 'max-stale' && value === undefined ? Number.POSITIVE_INFINITY : secondsOf(value);
    if (seconds === undefined) continue;
    const other = directives[time];
    const stricter = time === 'minFresh' ? Math.max : Math.min;
    directives[time] = other === undefined ? seconds : stricter(other, seconds);
  }
  return directives;
}

function secondsOf(value: string | undefined): number | undefined {
  const [, digits] = /^"?(\d+)"?$/.exec(value ?? '') ?? [];
  return digits === undefined ? undefined : Number(digits);
}

/** For how long an answer is kept, in seconds: while it is fresh, and as long after that as it may be of use. */
export function keptSeconds({ ttlSeconds, staleWhileRevalidateSeconds = 0, staleIfErrorSeconds = 0 }: CachePolicy) {
  return ttlSeconds + Math.max(staleWhileRevalidateSeconds, staleIfErrorSeconds);
}

/** `hit`: it is fresh. `stale`: it may be answered, while a new one is made. Undefined: it may not be answered. */
export function useOf(ageMs: number, policy: CachePolicy, directives: CacheDirectives): 'hit' | 'stale' | undefined {
  const { noCache, maxAge = Number.POSITIVE_INFINITY, minFresh = 0, maxStale } = directives;
  if (noCache) return undefined;
  const age = ageMs / 1000;
  const lifetime = Math.min(policy.ttlSeconds, maxAge);
  if (age < lifetime && age + minFresh <= lifetime) return 'hit';
  const mayBeStale = maxStale ?? (wantsFresh(directives) ? 0 : (policy.staleWhileRevalidateSeconds ?? 0));
  if (minFresh > 0 || age > keptSeconds(policy)) return undefined;
  return age < lifetime + mayBeStale ? 'stale' : undefined;
}

/** Whether a stale answer may stand in where a new one cannot be made (`stale-if-error`). */
export function mayStandIn(ageMs: number, policy: CachePolicy, directives: CacheDirectives): boolean {
  if (directives.noCache) return false;
  const seconds = directives.staleIfError ?? (wantsFresh(directives) ? 0 : (policy.staleIfErrorSeconds ?? 0));
  return seconds > 0 && ageMs / 1000 < Math.min(policy.ttlSeconds + seconds, keptSeconds(policy));
}

function wantsFresh({ maxAge, minFresh }: CacheDirectives): boolean {
  return maxAge !== undefined || minFresh !== undefined;
}
