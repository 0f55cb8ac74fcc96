import { CHALLENGE_PATH, TRIAL_PATH } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { isOpen, matchRoute } from './route.ts';

const named = (reference: string, version?: string) => ({ reference, version });

describe('matchRoute', () => {
  it.each([
    ['/v2', { kind: 'server' }, 'GET'],
    ['/v2/health/live', { kind: 'live' }, 'GET'],
    ['/v2/health/ready', { kind: 'ready' }, 'GET'],
    [CHALLENGE_PATH, { kind: 'challenge' }, 'POST'],
    ['/v2/models/a', { kind: 'metadata', named: named('a') }, 'GET'],
    ['/v2/models/a.b-c/versions/12', { kind: 'metadata', named: named('a.b-c', '12') }, 'GET'],
    ['/v2/models/a@3/ready', { kind: 'model-ready', named: named('a@3') }, 'GET'],
    ['/v2/models/a%403/infer', { kind: 'infer', named: named('a@3') }, 'POST'],
    ['/v2/models/a%2E/versions/1/infer', { kind: 'infer', named: named('a.', '1') }, 'POST'],
    ['/v2/models/a/versions/latest/config', { kind: 'config', named: named('a', 'latest') }, 'GET'],
    ['/v2/models/a/stats', { kind: 'stats', named: named('a') }, 'GET'],
    ['/v2/models/stats', { kind: 'all-stats' }, 'GET'],
    ['/v2/models/stats/versions/1', { kind: 'metadata', named: named('stats', '1') }, 'GET'],
    ['/v1/models', { kind: 'openai-models' }, 'GET'],
    ['/v1/models/a%401', { kind: 'openai-model', id: 'a@1' }, 'GET'],
    ['/v1/embeddings', { kind: 'embeddings' }, 'POST'],
    ['/v2/repository/index', { kind: 'index' }, 'POST'],
    ['/v2/repository/models/a/load', { kind: 'load', model: 'a' }, 'POST'],
    ['/v2/repository/models/a/unload', { kind: 'unload', model: 'a' }, 'POST'],
    ['/v2/systemsharedmemory/status', { kind: 'shared-memory' }, undefined],
    ['/v2/cudasharedmemory/region/r/register', { kind: 'shared-memory' }, undefined],
  ])('knows %s', (path, route, method) => {
    expect(matchRoute(path)).toEqual({ route, ...(method ? { method } : {}) });
  });

  it.each([
    '/',
    '/v2/',
    '/v2/models',
    '/v1',
    '/v1/models/a/b',
    '/v1/models/%zz',
    '/v2/models/a/',
    '/v2/models/%zz/versions/1',
    '/v2/models/a/versions/%zz',
    '/v2/models/a/b/infer',
    '/v2/repository/models/%zz/load',
    '/v2/systemsharedmemoryx',
  ])('knows nothing at %s', (path) => {
    expect(matchRoute(path)).toBeUndefined();
  });
});

describe('isOpen', () => {
  it('keeps every path but those of health and identity from strangers, known or not', () => {
    const closed = ['/', '/v2', '/v2/models', '/v2/models/a/infer', '/v2/repository/index', TRIAL_PATH, '/v2/healthy'];
    expect(closed.some(isOpen)).toBe(false);
    expect(['/v2/health/ready', '/v2/health/live', CHALLENGE_PATH].every(isOpen)).toBe(true);
  });
});
