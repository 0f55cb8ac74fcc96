/** What is remembered, for whom and how long, as callers see it; the node of these tests answers by hand. */
import { setTimeout as sleep } from 'node:timers/promises';
import { encodeBinaryRequest, encodeBinaryResponse, HEADER_LENGTH, type Tensor } from '@lepton-edge/protocol';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { type Answer, call, freshName, newModel, newTeamKey, uploadReady } from './support/api.ts';
import { readyNode } from './support/hand-made-node.ts';
import { tinyModel } from './support/tiny-model.ts';

const x = (...data: number[]) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length], data }] });
const tensor = (name: string, data: Float32Array<ArrayBuffer>): Tensor => {
  return { name, datatype: 'FP32', shape: [data.length], data };
};
const cacheOf = ({ status, headers }: Answer) => [status, headers.get('x-lepton-cache'), headers.get('age') !== null];
const HIT = [200, 'hit', true];
const MISS = [200, 'miss', false];
const BYPASS = [200, 'bypass', false];
const STALE = [200, 'stale', true];
const NOT_CACHED = [504, null, false];

/** Asks with each directive in turn, and says what came of it. */
async function inTurn(ask: (cacheControl: string) => Promise<Answer>) {
  const told = [];
  for (const directive of [
    'only-if-cached',
    '',
    '',
    'no-store',
    'no-cache',
    'max-age=0',
    'max-age=60',
    'only-if-cached',
  ]) {
    told.push(cacheOf(await ask(directive)));
  }
  return told;
}
const TOLD = [NOT_CACHED, MISS, HIT, BYPASS, BYPASS, MISS, HIT, HIT];

describe('Cache-Control of a request', () => {
  it('holds for JSON and for binary data, which share what is remembered', async () => {
    const { client: own, name, secret: key } = await newModel();
    await uploadReady(own, name, tinyModel(name));
    const json = (cacheControl: string) =>
      call('POST', `/v2/models/${name}/infer`, { key, body: x(1, 2), headers: { 'cache-control': cacheControl } });
    expect(await inTurn(json)).toEqual(TOLD);
    const binary = (value: number) => (cacheControl: string) => {
      const { bytes, headerLength } = encodeBinaryRequest({ inputs: [tensor('x', Float32Array.of(value, 2))] });
      const headers = { 'cache-control': cacheControl, [HEADER_LENGTH]: String(headerLength) };
      return call('POST', `/v2/models/${name}/infer`, { key, body: bytes, headers });
    };
    expect(cacheOf(await binary(1)(''))).toEqual(HIT);
    expect(await inTurn(binary(3))).toEqual(TOLD);
    const refused = await binary(4)('only-if-cached');
    expect(refused.body).toMatchObject({ code: 'not_cached' });
  });

  it('holds for embeddings', async () => {
    const input = [freshName('one'), freshName('two')];
    const ask = (cacheControl: string) =>
      call('POST', '/v1/embeddings', {
        body: { model: 'use-lite-int8', input },
        headers: { 'cache-control': cacheControl },
      });
    expect(await inTurn(ask)).toEqual(TOLD);
    input.push(freshName('three'));
    const refused = await ask('only-if-cached');
    expect([refused.status, refused.headers.get('x-should-retry')]).toEqual([504, 'false']);
    expect(refused.body.error).toMatchObject({ code: 'not_cached' });
  });
});

it('another team’s identical input changes no status and no header', async () => {
  const name = freshName('public');
  const owner = await newTeamKey('models:read', 'models:write', 'infer');
  await owner.client.models.create({ name, visibility: 'public' });
  await uploadReady(owner.client, name, tinyModel(name));
  const spy = await newTeamKey('infer');
  const ask = async (key: string, value: number) => {
    const { status, headers } = await call('POST', `/v2/models/${name}/infer`, { key, body: x(value) });
    const own = ['x-request-id', 'server-timing', 'date'];
    return [status, ...[...headers].filter(([header]) => !own.includes(header))];
  };
  for (let i = 0; i < 20; i++) {
    await ask(owner.secret, 100 + i);
    const [known, unknown] = [await ask(spy.secret, 100 + i), await ask(spy.secret, 200 + i)];
    expect(known).toEqual(unknown);
  }
});

describe('answers of a node', () => {
  let owner: Awaited<ReturnType<typeof newModel>>;
  let node: Awaited<ReturnType<typeof readyNode>>;
  const calls = { count: 0, fails: false, gate: Promise.resolve(), size: 1 };
  const policies = {
    plain: {},
    revalidated: { ttlSeconds: 1, staleWhileRevalidateSeconds: 60 },
    standIn: { ttlSeconds: 1, staleIfErrorSeconds: 60 },
  };
  const version = (policy: keyof typeof policies) => Object.keys(policies).indexOf(policy) + 1;

  beforeAll(async () => {
    owner = await newModel();
    for (const cache of Object.values(policies)) {
      const placement = { policy: 'node' as const, regions: ['mars'] };
      await uploadReady(owner.client, owner.name, tinyModel(owner.name), { placement, cache });
    }
    node = await readyNode('mars', async (request, response) => {
      request.resume();
      calls.count++;
      await calls.gate;
      if (calls.fails) return response.writeHead(500).end();
      const y = tensor('y', new Float32Array(calls.size).fill(calls.count));
      const { bytes, headerLength } = encodeBinaryResponse({ modelName: 'm', outputs: [y] });
      response.setHeader(HEADER_LENGTH, String(headerLength)).end(bytes);
    });
    // Until this isolate knows the node.
    while ((await ask('plain', 0)).status !== 200) await sleep(100);
  });
  afterAll(() => node.leave());

  const ask = (policy: keyof typeof policies, value: number, cacheControl = '') =>
    call('POST', `/v2/models/${owner.name}@${version(policy)}/infer`, {
      key: owner.secret,
      headers: { 'cache-control': cacheControl },
      body: { ...x(value), parameters: { binary_data_output: true } },
    });

  it('are given when stale, and made new behind that', async () => {
    expect(cacheOf(await ask('revalidated', 1))).toEqual(MISS);
    await sleep(1_050);
    const before = calls.count;
    expect(cacheOf(await ask('revalidated', 1))).toEqual(STALE);
    await expect.poll(() => calls.count).toBe(before + 1);
    await expect.poll(async () => cacheOf(await ask('revalidated', 1, 'only-if-cached, max-stale=0'))).toEqual(HIT);
    expect(calls.count).toBe(before + 1);
  });

  it('stand in when stale where the node fails, and never for what the caller did wrong', async () => {
    expect(cacheOf(await ask('standIn', 2))).toEqual(MISS);
    await sleep(1_050);
    calls.fails = true;
    try {
      expect(cacheOf(await ask('standIn', 2))).toEqual(STALE);
      expect((await ask('standIn', 2, 'stale-if-error=0')).status).toBe(503);
      const wrong = { inputs: [{ name: 'x', datatype: 'INT32', shape: [1], data: [2] }] };
      const path = `/v2/models/${owner.name}@${version('standIn')}/infer`;
      expect((await call('POST', path, { key: owner.secret, body: wrong })).status).toBe(400);
    } finally {
      calls.fails = false;
    }
    // A node that failed is left alone for a while.
    while ((await ask('plain', 3)).status !== 200) await sleep(200);
  });

  it('come to those who wait for them when the one who asked first has gone', async () => {
    const gate = Promise.withResolvers<void>();
    calls.gate = gate.promise;
    const before = calls.count;
    const leaving = new AbortController();
    const first = fetch(`${inject('gatewayUrl')}/v2/models/${owner.name}@1/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${owner.secret}`, 'content-type': 'application/json' },
      body: JSON.stringify(x(4)),
      signal: leaving.signal,
    }).catch((error: Error) => error.name);
    await expect.poll(() => calls.count).toBe(before + 1);
    const waiting = ask('plain', 4);
    await sleep(100);
    leaving.abort();
    expect(await first).toBe('AbortError');
    await sleep(100);
    gate.resolve();
    expect(cacheOf(await waiting)).toEqual(MISS);
    expect(calls.count).toBe(before + 1);
  });

  it('are in the colo’s cache when this isolate has no room for them', async () => {
    calls.size = 700_000;
    const values = [10, 11, 12, 13, 14, 15];
    for (const value of values) expect(cacheOf(await ask('plain', value))).toEqual(MISS);
    const before = calls.count;
    // Nothing is computed for this: it comes from where it was stored after the answer.
    await expect.poll(async () => cacheOf(await ask('plain', 10, 'only-if-cached'))).toEqual(HIT);
    expect((await ask('plain', 10)).headers.get('x-lepton-placement')).toBe('cache');
    expect(calls.count).toBe(before);
    calls.size = 1;
  });
});

it('nothing answers from the cache by its addresses', async () => {
  for (const path of ['/.lepton/1/', `/.lepton/1/${'0'.repeat(64)}`]) {
    const { headers, text } = await call('GET', path, { key: null });
    expect(headers.get('content-type')).toContain('text/html');
    expect(text).toContain('<html');
  }
});
