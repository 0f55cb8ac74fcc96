import { describe, expect, it } from 'vitest';
import { type CachePolicy, keptSeconds, mayStandIn, readCacheControl, useOf } from './freshness.ts';

const policy = (more: Partial<CachePolicy> = {}): CachePolicy => ({ ttlSeconds: 60, scope: 'team', ...more });

describe('readCacheControl', () => {
  it.each([
    [undefined, {}],
    ['', {}],
    ['no-cache', { noCache: true }],
    ['No-Store , ONLY-IF-CACHED', { noStore: true, onlyIfCached: true }],
    ['max-age=0, min-fresh=5,max-stale', { maxAge: 0, minFresh: 5, maxStale: Number.POSITIVE_INFINITY }],
    ['max-age="7", max-stale=3, stale-if-error=9', { maxAge: 7, maxStale: 3, staleIfError: 9 }],
    ['max-age=9, max-age=4, min-fresh=1, min-fresh=2', { maxAge: 4, minFresh: 2 }],
    ['max-age, max-age=, max-age=-1, max-age=1.5, max-age=soon, max-age= 1', {}],
    ['no-cache=1, no-transform, x="a, no-store", =, ,,', {}],
    ['x="never ends, no-store', {}],
  ])('%j', (header, expected) => {
    expect(readCacheControl(header)).toEqual(expected);
  });

  it('takes no longer for a long header than its length', () => {
    for (const text of ['a'.repeat(60_000), '",'.repeat(30_000), '"\\'.repeat(30_000), '='.repeat(60_000)]) {
      expect(readCacheControl(text)).toEqual({});
    }
  });
});

describe('a remembered answer', () => {
  const use = (seconds: number, header?: string, more?: Partial<CachePolicy>) =>
    useOf(seconds * 1000, policy(more), readCacheControl(header));

  it('is fresh for the time of the manifest, and then gone unless that says otherwise', () => {
    expect([use(0), use(59.999), use(60), use(1e9)]).toEqual(['hit', 'hit', undefined, undefined]);
    const stale = { staleWhileRevalidateSeconds: 30 };
    expect([use(60, '', stale), use(89.9, '', stale), use(90, '', stale)]).toEqual(['stale', 'stale', undefined]);
  });

  it('is what the request wants it to be', () => {
    expect(use(0, 'no-cache')).toBeUndefined();
    expect([use(9, 'max-age=10'), use(10, 'max-age=10'), use(0, 'max-age=0')]).toEqual(['hit', undefined, undefined]);
    expect([use(50, 'min-fresh=10'), use(51, 'min-fresh=10')]).toEqual(['hit', undefined]);
    expect(use(61, 'only-if-cached')).toBeUndefined();
  });

  it('may be as stale as the request allows, while it is kept', () => {
    const kept = { staleIfErrorSeconds: 100 };
    expect([use(61, '', kept), use(61, 'max-stale', kept), use(160.1, 'max-stale', kept)]).toEqual([
      undefined,
      'stale',
      undefined,
    ]);
    expect([use(69, 'max-stale=10', kept), use(70, 'max-stale=10', kept)]).toEqual(['stale', undefined]);
    expect([use(15, 'max-age=10, max-stale=10', kept), use(20, 'max-age=10, max-stale=10', kept)]).toEqual([
      'stale',
      undefined,
    ]);
  });

  it('is not stale where the request wants it fresh', () => {
    const stale = { staleWhileRevalidateSeconds: 30 };
    for (const header of ['max-age=100', 'min-fresh=1', 'max-stale=0']) {
      expect(use(61, header, stale)).toBeUndefined();
    }
  });

  it('stands in for a failure as long as the manifest says, or the request', () => {
    const stands = (seconds: number, header?: string, more?: Partial<CachePolicy>) =>
      mayStandIn(seconds * 1000, policy(more), readCacheControl(header));
    const kept = { staleIfErrorSeconds: 30 };
    expect([stands(61), stands(89, '', kept), stands(90, '', kept)]).toEqual([false, true, false]);
    expect([stands(61, 'stale-if-error=5', kept), stands(65, 'stale-if-error=5', kept)]).toEqual([true, false]);
    expect([stands(61, 'stale-if-error=0', kept), stands(1, 'no-cache', kept)]).toEqual([false, false]);
    expect([stands(20, 'max-age=10', kept), stands(20, 'max-age=10, stale-if-error=10', kept)]).toEqual([false, true]);
    expect(stands(91, 'stale-if-error=1000', kept)).toBe(false);
  });

  it('is kept for its longest use', () => {
    expect(keptSeconds(policy({ staleIfErrorSeconds: 5, staleWhileRevalidateSeconds: 7 }))).toBe(67);
  });
});
