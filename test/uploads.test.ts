import { createHash, randomBytes } from 'node:crypto';
import { PART_BYTES } from '@lepton-edge/protocol';
import { describe, expect, inject, it } from 'vitest';
import { call, newTeamKey } from './support/api.ts';

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

/** An upload of a new team, open. */
async function begin(bytes: Uint8Array, digest = sha256(bytes)) {
  const owner = await newTeamKey('models:read', 'models:write');
  const body = { sizeBytes: bytes.byteLength, digest, filename: 'weights.bin' };
  const begun = await call('POST', '/api/uploads', { key: owner.secret, body });
  expect(begun.status).toBe(201);
  const path = `/api/uploads/${begun.body.id}`;
  const put = (k: number | string, part: Uint8Array<ArrayBuffer>, key = owner.secret) =>
    call('PUT', `${path}/parts/${k}`, { key, body: part });
  const complete = (key = owner.secret) => call('POST', `${path}/complete`, { key });
  const state = async () => (await call('GET', path, { key: owner.secret })).body;
  return { ...owner, begun, body, digest, path, put, complete, state };
}

const parts = (bytes: Uint8Array<ArrayBuffer>) =>
  Array.from({ length: Math.ceil(bytes.byteLength / PART_BYTES) }, (_, i) =>
    bytes.slice(i * PART_BYTES, (i + 1) * PART_BYTES),
  );

describe('an upload', () => {
  it('takes parts in any order and at once, replaces one sent again, and is verified', async () => {
    const bytes = Uint8Array.from(randomBytes(2 * PART_BYTES + 1000));
    const { begun, put, complete, state, digest, path, secret } = await begin(bytes);
    expect(begun.headers.get('location')).toBe(path);
    expect(begun.body).toMatchObject({
      state: 'open',
      filename: 'weights.bin',
      partSizeBytes: PART_BYTES,
      partCount: 3,
      received: [],
      expiresAt: expect.any(String),
    });
    const [one, two, three] = parts(bytes) as [
      Uint8Array<ArrayBuffer>,
      Uint8Array<ArrayBuffer>,
      Uint8Array<ArrayBuffer>,
    ];
    expect((await put(2, new Uint8Array(PART_BYTES))).body).toEqual({ part: 2, sizeBytes: PART_BYTES });
    const early = await complete();
    expect(early).toMatchObject({ status: 409, body: { code: 'upload_incomplete' } });
    expect(early.body.errors).toMatchObject([{ path: 'parts.1' }, { path: 'parts.3' }]);
    await Promise.all([put(3, three), put(1, one)]);
    expect(await state()).toMatchObject({ received: [1, 2, 3], state: 'open' });
    await put(2, two);
    expect((await complete()).body).toEqual({ digest, sizeBytes: bytes.byteLength });
    expect(await complete()).toMatchObject({ status: 200, body: { digest } });
    expect(await state()).toMatchObject({ state: 'done' });
    expect((await put(1, one)).status).toBe(409);
    const range = { range: `bytes=${PART_BYTES - 5}-${PART_BYTES + 4}` };
    const read = await fetch(`${inject('gatewayUrl')}/api/blobs/${digest}`, {
      headers: { ...range, authorization: `Bearer ${secret}` },
    });
    expect(Buffer.from(await read.arrayBuffer())).toEqual(Buffer.from(bytes.slice(PART_BYTES - 5, PART_BYTES + 5)));
  });

  it('is found again by its team, and not needed once the file is stored', async () => {
    const bytes = Uint8Array.from(randomBytes(10));
    const { body, secret, begun, put, complete } = await begin(bytes);
    const again = await call('POST', '/api/uploads', { key: secret, body });
    expect(again).toMatchObject({ status: 200, body: { id: begun.body.id, received: [] } });
    await put(1, bytes);
    expect((await call('POST', '/api/uploads', { key: secret, body })).body).toMatchObject({ received: [1] });
    await complete();
    const known = await call('POST', '/api/uploads', { key: secret, body });
    expect(known).toMatchObject({ status: 200, body: { exists: true, sizeBytes: 10 } });
    const other = await call('POST', '/api/uploads', { key: secret, body: { ...body, sizeBytes: 11 } });
    expect(other).toMatchObject({ status: 400, body: { code: 'invalid_request', errors: [{ path: 'sizeBytes' }] } });
  });

  it('of other bytes than promised keeps nothing', async () => {
    const bytes = Uint8Array.from(randomBytes(10));
    const { put, complete, path, secret, digest } = await begin(bytes);
    await put(1, Uint8Array.from(randomBytes(10)));
    const refused = await complete();
    expect(refused).toMatchObject({ status: 422, body: { code: 'digest_mismatch' } });
    expect((await call('GET', path, { key: secret })).status).toBe(404);
    expect((await call('HEAD', `/api/blobs/${digest}`, { key: secret })).status).toBe(404);
  });

  it('tells what a part should have been', async () => {
    const bytes = Uint8Array.from(randomBytes(10));
    const { put, path, secret } = await begin(bytes);
    const long = await put(1, new Uint8Array(11));
    expect(long).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(long.body.detail).toContain('part 1 of 1 has 10 bytes, got 11');
    expect((await put(2, bytes)).body.detail).toContain('parts 1 to 1, got 2');
    for (const k of ['0', '-1', 'x', '1.5']) expect((await put(k, bytes)).status).toBe(400);
    const chunked = await fetch(`${inject('gatewayUrl')}${path}/parts/1`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${secret}` },
      body: new Blob([bytes]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(411);
    expect((await call('PUT', `${path}/parts/1`, { key: secret })).status).toBe(400);
  });

  it('that is given up is gone, and may be begun anew', async () => {
    const bytes = Uint8Array.from(randomBytes(10));
    const { path, secret, put, complete, body, begun } = await begin(bytes);
    await put(1, bytes);
    expect((await call('DELETE', path, { key: secret })).status).toBe(204);
    expect((await call('GET', path, { key: secret })).status).toBe(404);
    expect((await put(1, bytes)).status).toBe(404);
    expect((await complete()).status).toBe(404);
    const anew = await call('POST', '/api/uploads', { key: secret, body });
    expect(anew.status).toBe(201);
    expect(anew.body.id).not.toBe(begun.body.id);
  });

  it('completed by many at once is completed once', async () => {
    const bytes = Uint8Array.from(randomBytes(100_000));
    const { put, complete, digest } = await begin(bytes);
    await put(1, bytes);
    const answers = await Promise.all(Array.from({ length: 6 }, () => complete()));
    expect(answers.map(({ status }) => status)).toEqual(Array(6).fill(200));
    const { items } = (await call('GET', '/api/audit?action=upload.complete&limit=1000')).body;
    const entries = (items as { subject: string }[]).filter(({ subject }) => subject === `blob/${digest}`);
    expect(entries).toHaveLength(1);
  });

  it('of the same part by many at once ends in bytes that are verified', async () => {
    const bytes = Uint8Array.from(randomBytes(300_000));
    const { put, complete, digest } = await begin(bytes);
    await Promise.all(Array.from({ length: 8 }, () => put(1, bytes)));
    let last = await complete();
    while (last.status === 409) {
      await put(1, bytes);
      last = await complete();
    }
    expect(last).toMatchObject({ status: 200, body: { digest } });
  });

  it.each([
    [{ sizeBytes: 0 }, 'sizeBytes'],
    [{ sizeBytes: 5 * 1024 ** 3 + 1 }, 'sizeBytes'],
    [{ sizeBytes: 1.5 }, 'sizeBytes'],
    [{ digest: 'sha256:abc' }, 'digest'],
    [{ filename: '' }, 'filename'],
  ])('is refused for %j', async (change, path) => {
    const body = { sizeBytes: 1, digest: `sha256:${'a'.repeat(64)}`, ...change };
    expect(await call('POST', '/api/uploads', { body })).toMatchObject({
      status: 400,
      body: { code: 'invalid_request', errors: [{ path }] },
    });
  });

  it('is absent for other teams, and needs the scope', async () => {
    const bytes = Uint8Array.from(randomBytes(10));
    const { path, put, complete } = await begin(bytes);
    const other = await newTeamKey('models:read', 'models:write');
    const absent = await call('GET', '/api/uploads/upl_nothing', { key: other.secret });
    const attempts = [
      await call('GET', path, { key: other.secret }),
      await put(1, bytes, other.secret),
      await complete(other.secret),
      await call('DELETE', path, { key: other.secret }),
    ];
    for (const { status, body } of attempts) {
      expect(status).toBe(404);
      expect(String(body.detail).replace(/"upl_\w+"/, 'ID')).toBe(
        String(absent.body.detail).replace(/"upl_\w+"/, 'ID'),
      );
    }
    const reader = await newTeamKey('models:read');
    expect((await call('GET', path, { key: reader.secret })).status).toBe(403);
  });
});
