import { createHash } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { call, client, freshName, keyOf, newTeamKey, uploadReady } from './support/api.ts';
import { tinyModel } from './support/tiny-model.ts';

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** A model of a new team, and a key that may do everything with it. */
async function newModel() {
  const owner = await newTeamKey('models:read', 'models:write', 'infer');
  const name = freshName('model');
  await owner.client.models.create({ name });
  return { ...owner, name };
}

describe('models', () => {
  it('are made, read and listed by those who may see them', async () => {
    const owner = await newModel();
    const other = await newTeamKey('models:read', 'models:write', 'infer');
    expect(await owner.client.models.get(owner.name)).toMatchObject({
      name: owner.name,
      visibility: 'private',
      team: owner.team,
    });
    expect((await owner.client.models.list({ limit: 1000 })).items.map((model) => model.name)).toContain(owner.name);
    expect((await other.client.models.list({ limit: 1000 })).items.map((model) => model.name)).not.toContain(
      owner.name,
    );
  });

  it('are absent, in the same words, for a team that may not see them', async () => {
    const { name } = await newModel();
    const other = await newTeamKey('models:read', 'models:write', 'infer');
    const absent = name.replace(/\d$/, 'x');
    const paths = ['', '/versions', '/versions/1', '/aliases', '/aliases/production'];
    for (const path of paths) {
      const hidden = await call('GET', `/api/models/${name}${path}`, { key: other.secret });
      const missing = await call('GET', `/api/models/${absent}${path}`, { key: other.secret });
      expect(hidden.status).toBe(404);
      expect(String(hidden.body.detail).replace(name, absent)).toBe(missing.body.detail);
    }
    const put = await call('POST', `/api/models/${name}/versions`, { key: other.secret, body: tinyModel() });
    expect(put).toMatchObject({ status: 404, body: { code: 'model_not_found' } });
  });

  it('are listed page by page', async () => {
    const { client: own } = await newModel();
    const first = await own.models.list({ limit: 2 });
    expect(first.items).toHaveLength(2);
    const second = await own.models.list({ limit: 2, cursor: first.nextCursor ?? '' });
    const names = [...first.items, ...second.items].map((model) => model.name);
    expect(names).toEqual([...new Set(names)].sort());
  });

  it('of the whole gateway can be read without a key of their team when public, but not changed', async () => {
    const owner = await newTeamKey('models:read', 'models:write');
    const other = await newTeamKey('models:read', 'models:write');
    const name = freshName('public');
    await owner.client.models.create({ name, visibility: 'public' });
    expect((await other.client.models.get(name)).name).toBe(name);
    const upload = await call('POST', `/api/models/${name}/versions`, { key: other.secret, body: tinyModel() });
    expect(upload).toMatchObject({ status: 403, body: { code: 'missing_scope' } });
  });

  it.each([
    [{ name: 'Upper' }, 'name'],
    [{ name: '../x' }, 'name'],
    [{ name: 'ok', visibility: 'secret' }, 'visibility'],
    [{ name: 'ok', task: 'Two Words' }, 'task'],
    [{ name: 'ok', extra: 1 }, ''],
    [{}, 'name'],
  ])('are refused: %j', async (body, path) => {
    const answer = await call('POST', '/api/models', { body });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request', status: 400, errors: [{ path }] } });
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect(answer.body.requestId).toBe(answer.headers.get('x-request-id'));
  });

  it.each([
    ['broken JSON', '{bad', { 'content-type': 'application/json' }],
    ['another content type', '{}', { 'content-type': 'text/plain' }],
  ])('are refused: %s', async (_what, body, headers) => {
    const answer = await call('POST', '/api/models', { body, headers });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(answer.body.detail).toContain('expected a JSON body');
  });

  it('have one owner of a name', async () => {
    const { name } = await newModel();
    const other = await newTeamKey('models:write');
    const answer = await call('POST', '/api/models', { key: other.secret, body: { name } });
    expect(answer).toMatchObject({ status: 409, body: { code: 'name_taken' } });
  });

  it('go to another team only by admin', async () => {
    const owner = await newTeamKey('models:write');
    const team = (await newTeamKey('infer')).team;
    const name = freshName('model');
    const refused = await call('POST', '/api/models', { key: owner.secret, body: { name, team } });
    expect(refused).toMatchObject({ status: 403, body: { code: 'missing_scope' } });
    expect(await client().models.create({ name, team })).toMatchObject({ team });
    expect(await call('POST', '/api/models', { body: { name: freshName('m'), team: 'nobody' } })).toMatchObject({
      status: 404,
    });
  });
});

describe('versions', () => {
  it('are read from the file, kept by digest and numbered in order', async () => {
    const { client: own, name } = await newModel();
    const bytes = tinyModel(name);
    const first = await uploadReady(own, name, bytes, { license: 'MIT', card: 'Größe — 大きさ' });
    expect(first).toMatchObject({
      model: name,
      version: 1,
      state: 'ready',
      sizeBytes: bytes.byteLength,
      manifest: {
        license: 'MIT',
        card: 'Größe — 大きさ',
        files: [{ path: 'model.onnx', digest: sha256(bytes), sizeBytes: bytes.byteLength }],
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: [-1] }],
        placement: { policy: 'auto' },
      },
      admission: { edgeEligible: true, inspection: { operators: { Neg: 1 }, parameterCount: 0, irVersion: 8 } },
    });
    const again = await uploadReady(own, name, bytes);
    expect(again).toMatchObject({ version: 2, digest: first.digest });
    expect((await own.versions.list(name)).items.map(({ version }) => version)).toEqual([2, 1]);
    expect(await own.versions.get(name, 1)).toEqual(first);
    expect(await own.models.get(name)).toMatchObject({ latestVersion: 2 });
    const { items } = await own.models.list({ limit: 1000 });
    expect(items.find((model) => model.name === name)).toMatchObject({ latestVersion: 2 });
  });

  it('get numbers without gaps or duplicates under concurrent uploads', async () => {
    const { client: own, name } = await newModel();
    const made = await Promise.all(Array.from({ length: 12 }, (_, i) => uploadReady(own, name, tinyModel(`t${i}`))));
    expect(made.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 12 }, (_, i) => i + 1),
    );
  });

  it('say where they are', async () => {
    const { secret, name } = await newModel();
    const answer = await call('POST', `/api/models/${name}/versions`, { key: secret, body: tinyModel() });
    expect(answer.status).toBe(202);
    expect(answer.headers.get('location')).toBe(`/api/models/${name}/versions/1`);
  });

  const valid = tinyModel();
  const relu = Buffer.from(valid.map((byte) => byte));
  const withOperator = (operator: string) => {
    const at = relu.indexOf('Neg');
    return Uint8Array.from([...relu.subarray(0, at), ...Buffer.from(operator), ...relu.subarray(at + 3)]);
  };
  const withOpset = (opset: number) => Uint8Array.from([...valid.subarray(0, -1), opset]);

  it.each<[string, Uint8Array | string, Record<string, string>, number, string, RegExp]>([
    ['text', 'hello, this is not a model at all', {}, 422, 'model_invalid', /ONNX/],
    [
      'a PNG',
      Uint8Array.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a, 0, 0, 0, 13]),
      {},
      422,
      'model_invalid',
      /ONNX/,
    ],
    ['a truncated file', valid.subarray(0, valid.length - 30), {}, 422, 'model_invalid', /ends|truncated/],
    ['an unknown operator', withOperator('Nag'), {}, 422, 'model_invalid', /Nag/],
    ['an opset to come', withOpset(99), {}, 422, 'model_invalid', /opset.*99|99.*opset/],
    ['nothing', '', {}, 400, 'invalid_request', /body/],
    ['JSON that names no files', '{}', { 'content-type': 'application/json' }, 400, 'invalid_request', /files/],
    [
      'another digest',
      valid,
      { 'x-lepton-digest': `sha256:${'0'.repeat(64)}` },
      422,
      'digest_mismatch',
      /expected bytes with digest/,
    ],
    ['a manifest that is not JSON', valid, { 'x-lepton-manifest': '{' }, 400, 'invalid_request', /x-lepton-manifest/],
    ['an unknown manifest field', valid, { 'x-lepton-manifest': '{"foo":1}' }, 400, 'invalid_request', /foo/],
    [
      'a manifest of another signature',
      valid,
      { 'x-lepton-manifest': '{"inputs":[{"name":"z","datatype":"FP32","shape":[-1]}]}' },
      422,
      'model_invalid',
      /"z" is stated, the file has "x"/,
    ],
    [
      'a manifest of another datatype',
      valid,
      { 'x-lepton-manifest': '{"outputs":[{"name":"y","datatype":"FP64","shape":[-1]}]}' },
      422,
      'model_invalid',
      /FP64 \[-1\], the file has FP32 \[-1\]/,
    ],
  ])('are refused for %s, and nothing is kept', async (_what, body, headers, status, code, sentence) => {
    const { client: own, secret, name } = await newModel();
    const answer = await call('POST', `/api/models/${name}/versions`, { key: secret, body, headers });
    expect(answer).toMatchObject({ status, body: { code } });
    expect(answer.body.detail).toMatch(sentence);
    expect((await own.versions.list(name)).items).toEqual([]);
    const digest = sha256(typeof body === 'string' ? Buffer.from(body) : body);
    expect((await call('HEAD', `/api/blobs/${digest}`, { key: secret })).status).toBe(404);
    expect(await uploadReady(own, name, tinyModel())).toMatchObject({ version: 1 });
  });

  it('are refused over the limit before a byte is read, and without a length', async () => {
    const { secret, name } = await newModel();
    const path = `/api/models/${name}/versions`;
    const large = await call('POST', path, { key: secret, body: new Uint8Array(64 * 1024 * 1024 + 1) });
    expect(large).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    expect(large.body.detail).toContain('at most 67108864 bytes in one request, got 67108865');
    const chunked = await fetch(`${inject('gatewayUrl')}${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}` },
      body: new Blob([tinyModel()]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(411);
    expect(await chunked.json()).toMatchObject({ code: 'length_required' });
  });
});

describe('blobs', () => {
  it('are read whole, by range, and only by teams that may', async () => {
    const { client: own, secret, name } = await newModel();
    const bytes = tinyModel(name);
    const digest = sha256(bytes);
    await uploadReady(own, name, bytes);
    const path = `/api/blobs/${digest}`;
    const head = await call('HEAD', path, { key: secret });
    expect(head.status).toBe(200);
    expect(head.headers.get('content-length')).toBe(String(bytes.byteLength));
    expect(head.headers.get('etag')).toBe(`"${digest}"`);
    const part = await call('GET', path, { key: secret, headers: { range: 'bytes=2-12' } });
    expect(part.status).toBe(206);
    expect(part.headers.get('content-range')).toBe(`bytes 2-12/${bytes.byteLength}`);
    expect(part.text.length).toBe(11);
    expect((await call('GET', path, { key: secret, headers: { 'if-none-match': `"${digest}"` } })).status).toBe(304);
    const beyond = await call('GET', path, { key: secret, headers: { range: 'bytes=5000-' } });
    expect(beyond).toMatchObject({ status: 416, body: { code: 'range_not_satisfiable' } });

    const other = await newTeamKey('models:read', 'models:write');
    expect((await call('GET', path, { key: other.secret })).status).toBe(404);
    const name2 = freshName('model');
    await other.client.models.create({ name: name2 });
    await uploadReady(other.client, name2, bytes);
    expect((await call('GET', path, { key: other.secret })).status).toBe(200);
  });
});

describe('aliases', () => {
  it('move with a history of revisions, and not for one who read an older one', async () => {
    const { client: own, name } = await newModel();
    for (const part of ['a', 'b']) await uploadReady(own, name, tinyModel(part));
    const first = await own.aliases.put(name, 'production', {
      targets: [{ version: 1 }],
      reason: 'first',
      ifRevision: 0,
    });
    expect(first).toMatchObject({
      model: name,
      alias: 'production',
      revision: 1,
      targets: [{ version: 1, weight: 1 }],
    });
    const moved = await own.aliases.put(name, 'production', {
      targets: [{ version: 2 }],
      reason: 'better',
      ifRevision: 1,
    });
    expect(moved).toMatchObject({ revision: 2, reason: 'better' });
    const late = own.aliases.put(name, 'production', { targets: [{ version: 1 }], reason: 'late', ifRevision: 1 });
    await expect(late).rejects.toMatchObject({ status: 409, code: 'revision_conflict' });
    expect(await own.aliases.get(name, 'production')).toEqual(moved);
  });

  it('have exactly one winner of a race', async () => {
    const { client: own, name } = await newModel();
    await uploadReady(own, name, tinyModel());
    const moves = Array.from({ length: 10 }, (_, i) =>
      own.aliases.put(name, 'staging', { targets: [{ version: 1 }], reason: `move ${i}`, ifRevision: 0 }),
    );
    const outcomes = await Promise.allSettled(moves);
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1);
    const free = Array.from({ length: 5 }, (_, i) =>
      own.aliases.put(name, 'staging', { targets: [{ version: 1 }], reason: `free ${i}` }),
    );
    const revisions = (await Promise.all(free)).map(({ revision }) => revision);
    expect(revisions.sort()).toEqual([2, 3, 4, 5, 6]);
  });

  it.each([
    ['production', { targets: [{ version: 9 }], reason: 'r' }, 404, 'version_not_found'],
    ['production', { targets: [], reason: 'r' }, 400, 'invalid_request'],
    ['production', { targets: [{ version: 1, weight: 0 }], reason: 'r' }, 400, 'invalid_request'],
    ['production', { targets: [{ version: 1 }, { version: 1 }], reason: 'r' }, 400, 'invalid_request'],
    ['production', { targets: [{ version: 1 }] }, 400, 'invalid_request'],
    ['latest', { targets: [{ version: 1 }], reason: 'r' }, 400, 'invalid_request'],
    ['Upper', { targets: [{ version: 1 }], reason: 'r' }, 400, 'invalid_request'],
  ])('are refused: %s %j', async (alias, body, status, code) => {
    const { client: own, secret, name } = await newModel();
    await uploadReady(own, name, tinyModel());
    const answer = await call('PUT', `/api/models/${name}/aliases/${alias}`, { key: secret, body });
    expect(answer).toMatchObject({ status, body: { code } });
    expect((await own.aliases.list(name)).items).toEqual([]);
  });
});

describe('keys', () => {
  it('are refused when there is none, a wrong one, or one without the scope', async () => {
    const { secret } = await newTeamKey('infer');
    expect(await call('GET', '/api/models', { key: null })).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    });
    const wrong = await call('GET', '/api/models', { key: 'lep_wrong' });
    expect(wrong.status).toBe(401);
    expect(wrong.headers.get('www-authenticate')).toBe('Bearer');
    expect(wrong.body.detail).toMatch(/mistyped, revoked or expired/);
    const weak = await call('GET', '/api/models', { key: secret });
    expect(weak).toMatchObject({ status: 403, body: { code: 'missing_scope' } });
    expect(weak.body.detail).toContain('"models:read"');
    for (const path of ['/api/keys', '/api/teams']) {
      expect((await call('GET', path, { key: secret })).status).toBe(403);
    }
  });

  it('stop working when they are revoked', async () => {
    const key = await newTeamKey('models:read');
    expect((await call('GET', '/api/models', { key: key.secret })).status).toBe(200);
    await client().keys.revoke(key.id);
    expect((await call('GET', '/api/models', { key: key.secret })).status).toBe(401);
    expect(await call('DELETE', '/api/keys/key_nobody')).toMatchObject({
      status: 404,
      body: { code: 'key_not_found' },
    });
  });

  it('never show their secret again', async () => {
    const { secret, id } = await newTeamKey('infer');
    const { text, body } = await call('GET', '/api/keys?limit=1000');
    expect(text).not.toContain(secret);
    expect((body.items as { id: string; prefix: string }[]).find((key) => key.id === id)?.prefix).toBe(
      secret.slice(0, 12),
    );
  });

  it('are refused with an expiry that has passed', async () => {
    const body = { team: 'default', name: 'old', scopes: ['infer'], expiresAt: '2020-01-01T00:00:00Z' };
    expect(await call('POST', '/api/keys', { body })).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('of one team do not act in another', async () => {
    const { team, client: own, name } = await newModel();
    const reader = await keyOf(team, 'models:read');
    expect((await reader.client.models.get(name)).name).toBe(own && name);
    const upload = await call('POST', `/api/models/${name}/versions`, { key: reader.secret, body: tinyModel() });
    expect(upload.status).toBe(403);
  });
});

describe('paths', () => {
  it.each([
    ['GET', '/api/nothing', 404, 'path_not_found'],
    ['GET', '/api', 404, 'path_not_found'],
    ['DELETE', '/api/models', 405, 'method_not_allowed'],
    ['PATCH', '/api/blobs/x', 405, 'method_not_allowed'],
    ['GET', '/metrics', 404, 'path_not_found'],
  ])('%s %s is %i', async (method, path, status, code) => {
    const answer = await call(method, path);
    expect(answer).toMatchObject({ status, body: { code } });
    if (status === 405) expect(answer.headers.get('allow')).toMatch(/GET/);
  });

  it('beside the gateway’s own are the console’s', async () => {
    for (const path of ['/', '/models/anything']) {
      const { status, headers } = await call('GET', path, { key: null });
      expect(status).toBe(200);
      expect(headers.get('content-type')).toContain('text/html');
    }
  });

  it('are described: an OpenAPI 3.1 document, a page that shows it, and the public keys', async () => {
    const document = await call('GET', '/openapi.json', { key: null });
    expect(document.body).toMatchObject({ openapi: '3.1.0', info: { title: 'Lepton Edge' } });
    expect(Object.keys(document.body.paths as object)).toContain('/api/models/{model}/versions');
    const docs = await call('GET', '/docs', { key: null });
    expect(docs.status).toBe(200);
    expect(docs.headers.get('content-type')).toContain('text/html');
    expect(docs.text).not.toMatch(/(src|href)="(https?:)?\/\//);
    expect((await call('GET', '/docs/nothing-here', { key: null })).status).toBe(404);
    const jwks = await call('GET', '/.well-known/jwks.json', { key: null });
    expect(jwks.body).toMatchObject({ keys: [{ kty: 'OKP', crv: 'Ed25519' }] });
    expect(jwks.text).not.toContain('"d"');
  });
});
