import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError } from '@lepton-edge/client';
import type { PutQuotaInput } from '@lepton-edge/protocol';
import OpenAI, { RateLimitError } from 'openai';
import { describe, expect, inject, it } from 'vitest';
import { type Answer, call, client, newTeamKey } from './support/api.ts';

/** A key of a new team with a quota, and an inference of one row of so many to the example model, which is public. */
async function newKey(quota: PutQuotaInput, ...scopes: 'infer'[]) {
  const key = await newTeamKey('infer', ...scopes);
  await client().keys.setQuota(key.id, quota);
  const infer = (seed = 0, headers: Record<string, string> = {}) =>
    call('POST', '/v2/models/digits/infer', { key: key.secret, headers, body: { inputs: [pixels(seed)] } });
  return { ...key, infer };
}

const pixels = (seed: number, rows = 1) => ({
  name: 'pixels',
  datatype: 'FP32',
  shape: [rows, 784],
  data: Array.from({ length: rows * 784 }, (_, i) => ((i + seed) % 255) / 255),
});

const today = () => new Date().toISOString().slice(0, 10);

/** Counts come within a second or two. */
async function usageToday(id: string, isThere: (day: Record<string, number>) => boolean) {
  for (let tries = 0; ; tries++) {
    const { days } = await client().keys.usage(id, { from: today(), to: today() });
    const { date: _date, ...day } = days[0] ?? { date: '' };
    if (isThere(day) || tries === 40) return day;
    await sleep(100);
  }
}

const limitOf = ({ headers }: Answer) => headers.get('ratelimit');

describe('a quota', () => {
  it('of requests lets in exactly so many of 200 that come at once, and counts those', async () => {
    const { id, infer } = await newKey({ requestsPerMinute: 100 });
    const answers = await Promise.all(Array.from({ length: 200 }, () => infer()));
    const statuses = answers.map(({ status }) => status);
    expect(statuses.filter((status) => status === 200).length).toBe(100);
    expect(statuses.filter((status) => status === 429).length).toBe(100);
    const refused = answers.find(({ status }) => status === 429) as Answer;
    expect(refused.body).toEqual({
      error: expect.stringMatching(/^the quota of this key allows 100 requests a minute: try again in \d+ s$/),
      code: 'quota_exceeded',
    });
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(50);
    expect(seconds).toBeLessThanOrEqual(60);
    expect(refused.headers.get('ratelimit-policy')).toBe('"requests";q=100;w=60');
    expect(limitOf(refused)).toBe(`"requests";r=0;t=${seconds}`);
    const day = await usageToday(id, ({ requests, refused }) => requests === 100 && refused === 100);
    expect(day).toEqual({ requests: 100, refused: 100, computeUnits: 784 });
  });

  it('says in each answer what is left', async () => {
    const { infer } = await newKey({ requestsPerMinute: 3, concurrentRequests: 5, computeUnitsPerMinute: 10_000 });
    const answers = [await infer(1), await infer(2), await infer(2), await infer(3)];
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 429]);
    expect(answers[0]?.headers.get('ratelimit-policy')).toBe(
      '"requests";q=3;w=60, "concurrent";q=5;qu="concurrent-requests", "units";q=10000;w=60;qu="compute-units"',
    );
    const left = answers.map((answer) => [...(limitOf(answer) ?? '').matchAll(/"(\w+)";r=(\d+)/g)]);
    expect(left.map((items) => items.map(([, , r]) => Number(r)))).toEqual([
      [2, 5, expect.any(Number)],
      [1, 5, expect.any(Number)],
      // What is remembered costs no units.
      [0, 5, expect.any(Number)],
      [0, 5, expect.any(Number)],
    ]);
    expect(answers.slice(0, 3).map(({ headers }) => headers.get('x-lepton-cache'))).toEqual(['miss', 'miss', 'hit']);
  });

  it('of places is held by requests under way, and free again after them', async () => {
    const { infer } = await newKey({ concurrentRequests: 2 });
    const rounds = await Promise.all(Array.from({ length: 30 }, (_, i) => infer(i, { 'x-lepton-place': 'node' })));
    const refused = rounds.filter(({ status }) => status === 429);
    expect(rounds.filter(({ status }) => status === 200).length + refused.length).toBe(30);
    expect(refused.length).toBeGreaterThan(0);
    expect(refused[0]?.body.error).toContain('2 requests at a time: try again in 1 s');
    await sleep(1_000);
    for (let i = 0; i < 5; i++) expect((await infer(i)).status).toBe(200);
  });

  it('of units is taken for what is computed; what is larger than it is never let in', async () => {
    const { id, secret, infer } = await newKey({ computeUnitsPerMinute: 2_000 });
    expect((await infer(101)).status).toBe(200);
    expect((await infer(101)).headers.get('x-lepton-cache')).toBe('hit');
    expect((await infer(102)).status).toBe(200);
    const refused = await infer(103);
    expect(refused).toMatchObject({ status: 429, body: { code: 'quota_exceeded' } });
    expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(50);
    const body = { inputs: [pixels(0, 3)] };
    const large = await call('POST', '/v2/models/digits/infer', { key: secret, body });
    expect(large).toMatchObject({ status: 413, body: { code: 'larger_than_quota' } });
    expect(large.body.error).toContain('2000 compute units a minute, and this request needs 2352');
    expect(large.headers.get('retry-after')).toBeNull();
    const day = await usageToday(id, ({ requests, refused }) => requests === 3 && refused === 2);
    expect(day).toEqual({ requests: 3, refused: 2, computeUnits: 1_568 });
  });

  it('is told to the openai package in its own words; units of embeddings are tokens', async () => {
    const { id, secret } = await newKey({ requestsPerMinute: 2 });
    const openai = new OpenAI({ baseURL: `${inject('gatewayUrl')}/v1`, apiKey: secret, maxRetries: 0 });
    const embed = (input: string) => openai.embeddings.create({ model: 'use-lite', input });
    const { usage } = await embed('what does a quota cost?');
    await embed('what does a quota cost?');
    const error = (await embed('and a third?').catch((thrown: unknown) => thrown)) as RateLimitError;
    expect(error).toBeInstanceOf(RateLimitError);
    expect(error).toMatchObject({ code: 'rate_limit_exceeded', type: 'rate_limit_error' });
    expect(error.headers.get('x-should-retry')).toBe('true');
    const day = await usageToday(id, ({ requests, refused }) => requests === 2 && refused === 1);
    expect(day).toEqual({ requests: 2, refused: 1, computeUnits: usage.total_tokens });
  });

  it('is replaced as a whole, by administrators, in force at once here, shown with the key and in the audit log', async () => {
    const { id, team, secret, infer } = await newKey({ requestsPerMinute: 1 });
    expect([(await infer()).status, (await infer()).status]).toEqual([200, 429]);
    const quota = await client().keys.setQuota(id, { requestsPerMinute: 5, computeUnitsPerMinute: 7 });
    expect(quota).toEqual({ requestsPerMinute: 5, concurrentRequests: null, computeUnitsPerMinute: 7 });
    expect((await client().keys.list({ team })).items).toMatchObject([{ id, quota }]);
    const put = (body: unknown, key?: string) =>
      call('PUT', `/api/keys/${id}/quota`, { body, ...(key ? { key } : {}) });
    expect(await put({}, secret)).toMatchObject({ status: 403, body: { code: 'missing_scope' } });
    for (const body of [{ requestsPerMinute: 0 }, { concurrentRequests: 1.5 }, { tokens: 1 }]) {
      expect(await put(body)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    }
    expect((await put({ computeUnitsPerMinute: null })).status).toBe(200);
    expect((await client().keys.list({ team })).items[0]).not.toHaveProperty('quota');
    const answer = await infer();
    expect([answer.status, limitOf(answer)]).toEqual([200, null]);
    const { items } = await client().audit.list({ limit: 1000 });
    const changes = items.filter(({ action, subject }) => action === 'key.quota' && subject === `key/${id}`);
    expect(changes.map(({ detail }) => detail)).toContainEqual(quota);
    expect(await call('PUT', '/api/keys/key_none/quota', { body: {} })).toMatchObject({ status: 404 });
  });
});

describe('usage', () => {
  it('is counted for a key without a quota, by day, for the key itself and for administrators', async () => {
    const { id, secret, client: own } = await newTeamKey('infer');
    const body = { inputs: [pixels(7)] };
    await call('POST', '/v2/models/digits/infer', { key: secret, body, headers: { 'x-lepton-place': 'edge' } });
    await call('POST', '/v2/models/none/infer', { key: secret, body });
    const day = await usageToday(id, ({ requests }) => requests === 2);
    expect(day).toEqual({ requests: 2, refused: 0, computeUnits: 784 });
    const month = await own.keys.usage(id);
    expect(month).toMatchObject({ key: id, to: today() });
    expect(month.days.length).toBe(30);
    expect(month.days.at(-1)).toEqual({ date: today(), ...day });
    const other = await newTeamKey('infer');
    await expect(other.client.keys.usage(id)).rejects.toThrow(GatewayError);
    const status = async (query: string, key = secret) =>
      (await call('GET', `/api/keys/${id}/usage${query}`, { key })).status;
    expect(await status('', other.secret)).toBe(403);
    expect(await status('?from=2026-01-01&to=2027-01-01')).toBe(200);
    expect(await status('?from=2026-01-01&to=2027-01-02')).toBe(400);
    expect(await status('?from=2026-02-01&to=2026-01-01')).toBe(400);
    expect(await status('?from=yesterday')).toBe(400);
    expect(await call('GET', '/api/keys/key_none/usage')).toMatchObject({
      status: 404,
      body: { code: 'key_not_found' },
    });
  });
});
