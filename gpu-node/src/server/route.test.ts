import { CHALLENGE_PATH } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { isProtected, matchRoute } from './route.ts';

describe('matchRoute', () => {
  it.each([
    ['/v2', { kind: 'server' }, 'GET'],
    ['/v2/health/live', { kind: 'live' }, 'GET'],
    ['/v2/health/ready', { kind: 'ready' }, 'GET'],
    [CHALLENGE_PATH, { kind: 'challenge' }, 'POST'],
    ['/v2/models/a.b-c/versions/12', { kind: 'metadata', model: 'a.b-c', version: 12 }, 'GET'],
    ['/v2/models/a/versions/1/ready', { kind: 'model-ready', model: 'a', version: 1 }, 'GET'],
    ['/v2/models/a%2E/versions/1/infer', { kind: 'infer', model: 'a.', version: 1 }, 'POST'],
  ])('knows %s', (path, route, method) => {
    expect(matchRoute(path)).toEqual({ route, method });
  });

  it.each([
    '/',
    '/v2/',
    '/v2/models/a',
    '/v2/models/a/versions/0',
    '/v2/models/%zz/versions/1',
    '/v2/models/a/b/infer',
  ])('knows nothing at %s', (path) => {
    expect(matchRoute(path)).toBeUndefined();
  });
});

describe('isProtected', () => {
  it('covers every path of models, known or not', () => {
    expect(['/v2/models', '/v2/models/x', '/v2/models/a/versions/1/infer'].every(isProtected)).toBe(true);
    expect(['/v2', '/v2/health/ready', CHALLENGE_PATH].some(isProtected)).toBe(false);
  });
});
