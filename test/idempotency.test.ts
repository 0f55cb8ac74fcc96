import { createHash, randomBytes, randomUUID } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { PART_BYTES } from '@lepton-edge/protocol';
import { describe, expect, inject, it } from 'vitest';
import { type Answer, type CallOptions, call, freshName, newModel, newTeamKey, uploadReady } from './support/api.ts';
import { tinyModel } from './support/tiny-model.ts';

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** POSTs with an `Idempotency-Key`, a new one by default. */
function poster(path: string, key: string | undefined, idempotencyKey: string = randomUUID()) {
  return async (body: unknown, headers: Record<string, string> = {}): Promise<Answer> => {
    const options: CallOptions = { body, headers: { 'idempotency-key': idempotencyKey, ...headers } };
    return await call('POST', path, key === undefined ? options : { ...options, key });
  };
}

const replayed = ({ headers }: Answer) => headers.get('idempotency-replayed');

describe('a call with an Idempotency-Key', () => {
  it('is done once, and answered the same again', async () => {
    const name = freshName('model');
    const post = poster('/api/models', undefined);
    const first = await post({ name });
    expect(first).toMatchObject({ status: 201, body: { name } });
    expect(replayed(first)).toBeNull();
    const again = await post({ name });
    expect(again).toMatchObject({ status: 201, text: first.text });
    expect(replayed(again)).toBe('true');
    for (const header of ['location', 'content-type']) {
      expect(again.headers.get(header)).toBe(first.headers.get(header));
    }
    const log = await call('GET', `/api/audit?model=${name}`);
    expect(log.body.items).toHaveLength(1);
    const mismatch = await post({ name, task: 'embedding' });
    expect(mismatch).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
    expect(await call('POST', '/api/models', { body: { name } })).toMatchObject({ status: 409 });
  });

  it('is one only of the same key and path', async () => {
    const idempotencyKey = randomUUID();
    const other = await newTeamKey('models:write');
    for (const [path, key] of [
      ['/api/models', undefined],
      ['/api/models', other.secret],
      ['/api/teams', undefined],
    ] as const) {
      const answer = await poster(path, key, idempotencyKey)({ name: freshName('thing') });
      expect(answer.status).toBe(201);
    }
  });

  it.each(['', 'x'.repeat(256), 'ü', 'tab\there'])('must have one of a certain form: %j', async (idempotencyKey) => {
    const answer = await poster('/api/models', undefined, idempotencyKey)({ name: freshName('model') });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(answer.body.detail).toContain('Idempotency-Key');
  });

  it('is done by exactly one of many that come at once', async () => {
    const post = poster('/api/teams', undefined);
    const name = freshName('team');
    const answers = await Promise.all(Array.from({ length: 12 }, () => post({ name })));
    expect(answers.filter((answer) => answer.status === 201 && !replayed(answer))).toHaveLength(1);
    for (const { status, body, headers } of answers.filter((answer) => answer.status !== 201)) {
      expect({ status, code: body.code }).toEqual({ status: 409, code: 'request_in_flight' });
      expect(Number(headers.get('retry-after'))).toBeGreaterThan(0);
    }
    expect(await post({ name })).toMatchObject({ status: 201, body: { name } });
  });

  it('is refused the same again, unless the failure may go away', async () => {
    const invalid = poster('/api/models', undefined);
    const first = await invalid({ name: 'Upper' });
    const again = await invalid({ name: 'Upper' });
    expect(again).toMatchObject({ status: 400, text: first.text });
    expect(again.headers.get('content-type')).toContain('application/problem+json');
    expect(replayed(again)).toBe('true');

    const { client: own, name, secret } = await newModel();
    await uploadReady(own, name, tinyModel());
    await own.aliases.put(name, 'a', { targets: [{ version: 1 }], reason: 'r' });
    const rollback = poster(`/api/models/${name}/aliases/a/rollback`, secret);
    const body = { reason: 'back', toRevision: 1, ifRevision: 2 };
    expect(await rollback(body)).toMatchObject({ status: 409, body: { code: 'revision_conflict' } });
    await own.aliases.put(name, 'a', { targets: [{ version: 1 }], reason: 'r' });
    const moved = await rollback(body);
    expect(moved).toMatchObject({ status: 200, body: { revision: 3 } });
    expect(replayed(moved)).toBeNull();
    expect(await rollback(body)).toMatchObject({ status: 200, text: moved.text });
  });

  it('goes on when its caller goes away', async () => {
    const { secret } = await newTeamKey('models:write');
    const bytes = randomBytes(5 * PART_BYTES);
    const begun = await call('POST', '/api/uploads', {
      key: secret,
      body: { sizeBytes: bytes.byteLength, digest: sha256(bytes) },
    });
    const path = `/api/uploads/${begun.body.id}`;
    for (let k = 1; k <= 5; k++) {
      const part = bytes.subarray((k - 1) * PART_BYTES, k * PART_BYTES);
      expect(await call('PUT', `${path}/parts/${k}`, { key: secret, body: part })).toMatchObject({ status: 200 });
    }
    const idempotencyKey = randomUUID();
    const stop = new AbortController();
    const gone = fetch(`${inject('gatewayUrl')}${path}/complete`, {
      method: 'POST',
      headers: { authorization: `Bearer ${secret}`, 'idempotency-key': idempotencyKey },
      signal: stop.signal,
    });
    setTimeout(() => stop.abort(), 60);
    await expect(gone).rejects.toThrow('abort');
    const complete = poster(`${path}/complete`, secret, idempotencyKey);
    const again = async () => {
      const answer = await complete(undefined);
      return `${answer.status} ${replayed(answer)}`;
    };
    await expect.poll(again, { interval: 200 }).toBe('200 true');
  });
});

describe('an upload of a version with an Idempotency-Key', () => {
  it('makes one version, and replays are compared by the bytes', async () => {
    const { client: own, secret, name } = await newModel();
    const path = `/api/models/${name}/versions`;
    const post = poster(path, secret);
    const bytes = tinyModel(name);
    const first = await post(bytes);
    expect(first).toMatchObject({ status: 202, body: { version: 1 } });
    const again = await post(bytes);
    expect(again).toMatchObject({ status: 202, text: first.text });
    expect(again.headers.get('location')).toBe(`${path}/1`);
    expect(replayed(again)).toBe('true');
    expect(await post(bytes, { 'x-lepton-digest': sha256(bytes) })).toMatchObject({ status: 202, text: first.text });
    const mismatch = { status: 422, body: { code: 'idempotency_mismatch' } };
    expect(await post(tinyModel('other'))).toMatchObject(mismatch);
    expect(await post(bytes, { 'x-lepton-digest': sha256(tinyModel('other')) })).toMatchObject(mismatch);
    expect(await post(bytes, { 'x-lepton-manifest': '{"license":"MIT"}' })).toMatchObject(mismatch);
    expect(await post({ files: [] })).toMatchObject(mismatch);
    expect((await own.versions.list(name)).items).toHaveLength(1);
  });

  it('makes one version when many come at once', async () => {
    const { client: own, secret, name } = await newModel();
    const post = poster(`/api/models/${name}/versions`, secret);
    const bytes = tinyModel(name);
    const statuses = await Promise.all(Array.from({ length: 6 }, async () => (await post(bytes)).status));
    expect(statuses.filter((status) => status !== 202 && status !== 409)).toEqual([]);
    expect((await own.versions.list(name)).items).toHaveLength(1);
  });

  it('that was refused may come again, whole this time', async () => {
    const { secret, name } = await newModel();
    const post = poster(`/api/models/${name}/versions`, secret);
    const bytes = tinyModel(name);
    const headers = { 'x-lepton-digest': sha256(bytes) };
    expect(await post(bytes.slice(0, -20), headers)).toMatchObject({ status: 422, body: { code: 'digest_mismatch' } });
    expect(await post(bytes, headers)).toMatchObject({ status: 202, body: { version: 1 } });
  });

  it('of files is compared as JSON', async () => {
    const { client: own, secret, name } = await newModel();
    const bytes = tinyModel(name);
    await uploadReady(own, name, bytes);
    const post = poster(`/api/models/${name}/versions`, secret);
    const files = [{ path: 'model.onnx', digest: sha256(bytes) }];
    const absent = [{ path: 'model.onnx', digest: sha256(tinyModel('absent')) }];
    expect(await post({ files: absent })).toMatchObject({ status: 404, body: { code: 'blob_not_found' } });
    const first = await post({ files });
    expect(first).toMatchObject({ status: 202, body: { version: 2 } });
    expect(await post({ files })).toMatchObject({ status: 202, text: first.text });
    expect(await post({ files: absent })).toMatchObject({ status: 422, body: { code: 'idempotency_mismatch' } });
  });

  it('in parts is ended once what was missing has come', async () => {
    const { secret, name } = await newModel();
    const bytes = tinyModel(`${name}-parts`);
    const begin = poster('/api/uploads', secret);
    const file = { sizeBytes: bytes.byteLength, digest: sha256(bytes) };
    const begun = await begin(file);
    expect(begun.status).toBe(201);
    expect(await begin(file)).toMatchObject({ status: 201, text: begun.text });
    const path = `/api/uploads/${begun.body.id}`;
    const complete = poster(`${path}/complete`, secret);
    expect(await complete(undefined)).toMatchObject({ status: 409, body: { code: 'upload_incomplete' } });
    await call('PUT', `${path}/parts/1`, { key: secret, body: bytes });
    const done = await complete(undefined);
    expect(done).toMatchObject({ status: 200, body: file });
    const again = await complete(undefined);
    expect(again).toMatchObject({ status: 200, text: done.text });
    expect(replayed(again)).toBe('true');
  });
});

describe('a call that issues a secret, with an Idempotency-Key', () => {
  it('is answered once, and its secret is stored nowhere', async () => {
    const { team } = await newTeamKey('infer');
    const makeKey = poster('/api/keys', undefined);
    const body = { team, name: 'once', scopes: ['infer'] };
    const makeToken = poster('/api/nodes/tokens', undefined);
    for (const [first, repeat, secret] of [
      [await makeKey(body), () => makeKey(body), 'secret'],
      [await makeToken({}), () => makeToken({}), 'token'],
    ] as const) {
      expect(first.status).toBe(201);
      const again = await repeat();
      expect(again).toMatchObject({ status: 409, body: { code: 'already_issued' } });
      expect(again.body.errors).toEqual([{ path: 'id', message: first.body.id }]);
      expect(again.body.detail).toContain(first.body.id);
      expect(again.text).not.toContain(first.body[secret]);
      expect(await filesWith(String(first.body[secret]))).toEqual([]);
    }
    // What is stored is found this way.
    expect(await filesWith(team)).not.toEqual([]);
    expect(await makeKey({ ...body, name: 'twice' })).toMatchObject({ status: 422 });
    const { items } = (await call('GET', `/api/keys?team=${team}`)).body as { items: { name: string }[] };
    expect(items.filter(({ name }) => name === 'once')).toHaveLength(1);
  });
});

/** The files of the gateway's home with this text in them. */
async function filesWith(text: string): Promise<string[]> {
  const entries = await readdir(inject('home'), { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((entry) => entry.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path).catch(() => Buffer.alloc(0))).includes(text)) found.push(path);
  }
  return found;
}
