import { createHash } from 'node:crypto';
import { describe, expect, inject, it } from 'vitest';
import { call, freshName, newModel, newModelsWith, newTeamKey, uploadReady } from './support/api.ts';
import { tinyModel } from './support/tiny-model.ts';

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

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
    // The same bytes again are ready at once.
    await uploadReady(own, name, tinyModel());
    const made = await Promise.all(Array.from({ length: 49 }, () => own.versions.upload(name, tinyModel())));
    expect(made.map(({ version }) => version).sort((a, b) => a - b)).toEqual(
      Array.from({ length: 49 }, (_, i) => i + 2),
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

describe('an archived version', () => {
  const archive = async (name: string, version: number, key: string, reason = 'old') =>
    await call('POST', `/api/models/${name}/versions/${version}/archive`, { key, body: { reason } });

  it('runs no more, and is kept', async () => {
    const { client: own, name, secret } = await newModel();
    for (const part of ['a', 'b']) await uploadReady(own, name, tinyModel(part));
    const served = async () => await call('GET', `/v2/models/${name}/ready`, { key: secret });
    expect((await served()).body).toMatchObject({ version: '2' });
    expect(await archive(name, 2, secret)).toMatchObject({ status: 200, body: { state: 'archived', reason: 'old' } });
    expect((await served()).body).toMatchObject({ version: '1' });
    expect((await call('GET', `/v2/models/${name}`, { key: secret })).body).toMatchObject({ versions: ['1'] });
    const ready = await call('GET', `/v2/models/${name}/versions/2/ready`, { key: secret });
    expect(ready).toMatchObject({ status: 404, body: { code: 'version_not_found' } });
    expect(ready.body.error).toContain('archived: old');
    expect(await archive(name, 2, secret, 'again')).toMatchObject({ status: 200, body: { reason: 'old' } });
    expect(await own.versions.get(name, 2)).toMatchObject({ state: 'archived', reason: 'old' });
    const put = call('PUT', `/api/models/${name}/aliases/production`, {
      key: secret,
      body: { targets: [{ version: 2 }], reason: 'r' },
    });
    expect(await put).toMatchObject({ status: 409, body: { code: 'version_not_ready' } });
    expect((await call('GET', `/api/audit?model=${name}&action=version.archive`)).body.items).toMatchObject([
      { detail: { version: 2, was: 'ready', reason: 'old' } },
    ]);
  });

  it('must not be one that an alias points at', async () => {
    const { client: own, name, secret } = await newModel();
    await uploadReady(own, name, tinyModel());
    await own.aliases.put(name, 'production', { targets: [{ version: 1 }], reason: 'r' });
    const refused = await archive(name, 1, secret);
    expect(refused).toMatchObject({ status: 409, body: { code: 'version_in_use' } });
    expect(refused.body.detail).toContain('alias "production"');
    expect(await archive(name, 2, secret)).toMatchObject({ status: 404, body: { code: 'version_not_found' } });
    const empty = await call('POST', `/api/models/${name}/versions/1/archive`, { key: secret, body: { reason: '' } });
    expect(empty.status).toBe(400);
  });

  it('and a move of an alias to it never both come about', async () => {
    const models = await newModelsWith(12, tinyModel());
    const outcomes = await Promise.all(
      models.map(async ({ name, secret }) => {
        const body = { targets: [{ version: 1 }], reason: 'r' };
        const [put, archived] = await Promise.all([
          call('PUT', `/api/models/${name}/aliases/production`, { key: secret, body }),
          archive(name, 1, secret),
        ]);
        return `${put.status} ${archived.status}`;
      }),
    );
    expect(outcomes.filter((outcome) => outcome !== '200 409' && outcome !== '409 200')).toEqual([]);
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
