import { request } from 'node:http';
import { describe, expect, inject, it } from 'vitest';
import { takeRegistryAway } from '../soak/chaos/registry-away.ts';
import { call, freshName, newModel, newTeamKey, uploadReady } from './support/api.ts';
import { tinyModel } from './support/tiny-model.ts';

const MIB = 1024 * 1024;

describe('an answer of the control plane', () => {
  it('has an ETag, and is not sent to who has it', async () => {
    const { client: own, name, secret } = await newModel();
    await uploadReady(own, name, tinyModel());
    await own.aliases.put(name, 'a', { targets: [{ version: 1 }], reason: 'r' });
    const model = `/api/models/${name}`;
    for (const path of [
      model,
      `${model}/versions`,
      `${model}/versions/1`,
      `${model}/aliases`,
      `${model}/aliases/a`,
      `${model}/aliases/a/history`,
      '/api/models?limit=1',
    ]) {
      const first = await call('GET', path, { key: secret });
      const etag = first.headers.get('etag') ?? '';
      expect({ path, etag }).toEqual({ path, etag: expect.stringMatching(/^W\/"[^"]+"$/) });
      expect(first.headers.get('cache-control')).toBe('private, no-cache');
      const again = await call('GET', path, { key: secret, headers: { 'if-none-match': `"other", ${etag}` } });
      expect(again).toMatchObject({ status: 304, text: '' });
      expect(again.headers.get('etag')).toBe(etag);
      expect(again.headers.get('cache-control')).toBe('private, no-cache');
      expect(again.headers.get('x-request-id')).toMatch(/^req_/);
      expect(await call('GET', path, { key: secret, headers: { 'if-none-match': '"other"' } })).toMatchObject({
        status: 200,
        text: first.text,
      });
      expect((await call('HEAD', path, { key: secret })).headers.get('etag')).toBe(etag);
    }
  });

  it('has another ETag after a change, and none when it is refused', async () => {
    const { name, secret } = await newModel();
    const path = `/api/models/${name}`;
    const etag = (await call('GET', path, { key: secret })).headers.get('etag') ?? '';
    await call('PATCH', path, { key: secret, body: { description: 'changed' } });
    const headers = { 'if-none-match': etag };
    expect(await call('GET', path, { key: secret, headers })).toMatchObject({ status: 200 });
    for (const [key, status] of [
      [null, 401],
      [(await newTeamKey('models:read')).secret, 404],
    ] as const) {
      const refused = await call('GET', path, { key, headers: { 'if-none-match': '*' } });
      expect(refused.status).toBe(status);
      expect(refused.headers.get('etag')).toBeNull();
      expect(refused.headers.get('cache-control')).toBe('no-store');
    }
  });

  it('is known by who may read it only; teams, keys and uploads have one, what nodes report has none', async () => {
    const etagOf = async (path: string) => (await call('GET', path)).headers.get('etag');
    for (const path of ['/api/teams', '/api/keys', '/api/audit?limit=1']) expect(await etagOf(path)).toMatch(/^W\//);
    for (const path of ['/api/nodes', '/api/audit/verify']) expect(await etagOf(path)).toBeNull();
  });

  it('says that the database is away, and for how long to wait', async () => {
    const name = freshName('team');
    const idempotent = { body: { name }, headers: { 'idempotency-key': name } };
    await call('GET', '/api/teams');
    const giveBack = await takeRegistryAway(inject('home'));
    const ask = async () => [
      await call('GET', '/api/teams'),
      await call('POST', '/api/teams', { body: { name } }),
      await call('POST', '/api/teams', idempotent),
      await call('GET', '/v2/models/nobody-asked-for-this'),
      await call('POST', '/v2/repository/index'),
    ];
    const told = await ask().finally(giveBack);
    for (const { status, headers, body } of told) {
      expect({ status, body }).toMatchObject({ status: 503, body: { code: 'unavailable' } });
      expect(headers.get('retry-after')).toBe('1');
    }
    expect(await call('POST', '/api/teams', idempotent)).toMatchObject({ status: 201 });
  });
});

/** Sends a body in chunks, so that its length is not declared; resolves with the answer. */
async function sendChunked(path: string, body: Uint8Array<ArrayBuffer>, key: string | null) {
  const response = await fetch(`${inject('gatewayUrl')}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(key === null ? {} : { authorization: `Bearer ${key}` }) },
    body: new Blob([body]).stream(),
    duplex: 'half',
  } as RequestInit);
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
}

describe('a body', () => {
  const large = (bytes: number) => new Uint8Array(bytes).fill(0x20);
  const json = { 'content-type': 'application/json' };
  const tooLarge = { status: 413, body: { code: 'body_too_large', status: 413 } };

  it('of JSON is bounded', async () => {
    const refused = await call('POST', '/api/models', { body: large(MIB + 1), headers: json });
    expect(refused).toMatchObject(tooLarge);
    expect(refused.headers.get('content-type')).toContain('application/problem+json');
    expect(await sendChunked('/api/models', large(3 * MIB), inject('adminKey'))).toMatchObject(tooLarge);
    const name = freshName('model');
    const padded = `${JSON.stringify({ name })}${' '.repeat(MIB - 100)}`;
    expect(await call('POST', '/api/models', { body: padded, headers: json })).toMatchObject({ status: 201 });
    const files = `/api/models/${name}/versions`;
    expect(await call('POST', files, { body: large(2 * MIB), headers: json })).toMatchObject({ status: 400 });
    expect(await call('POST', files, { body: large(8 * MIB + 1), headers: json })).toMatchObject(tooLarge);
  });

  it('of a stranger is bounded more, or not read at all', async () => {
    const join = { key: null, headers: json };
    expect(await call('POST', '/api/nodes/join', { ...join, body: large(64 * 1024 + 1) })).toMatchObject(tooLarge);
    expect(await sendChunked('/api/nodes/join', large(3 * MIB), null)).toMatchObject(tooLarge);
    expect(await sendChunked('/api/models', large(3 * MIB), null)).toMatchObject({ status: 401 });
  });

  it('that is declared and does not come costs no other caller anything', async () => {
    const { client: own, name, secret } = await newModel();
    await uploadReady(own, name, tinyModel());
    const url = new URL(`${inject('gatewayUrl')}/v2/models/${name}/infer`);
    const headers = { authorization: `Bearer ${secret}`, ...json, 'content-length': String(16 * MIB) };
    const slow = Array.from({ length: 8 }, () => {
      const outgoing = request(url, { method: 'POST', headers });
      outgoing.on('error', () => undefined);
      outgoing.write('{"inputs":[');
      return outgoing;
    });
    try {
      for (let i = 0; i < 5; i++) {
        const data = Array.from({ length: 20_000 }, (_, k) => k + i);
        const inputs = [{ name: 'x', datatype: 'FP32', shape: [data.length], data }];
        const answer = await call('POST', url.pathname, { key: secret, body: { inputs } });
        expect(answer.status).toBe(200);
      }
    } finally {
      for (const outgoing of slow) outgoing.destroy();
    }
  });
});
