import type { Key, Page } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { call, client, freshName, keyOf, newModel, newTeamKey } from './support/api.ts';
import { newForeign } from './support/foreign-model.ts';
import { tinyModel } from './support/tiny-model.ts';

const ALL = ['models:read', 'models:write', 'infer', 'ops'] as const;
const TARGETS = { targets: [{ version: 1 }], reason: 'r' };

/** Every path of a model, with a body that its owner's key would succeed with. */
const PATHS: [method: string, path: string, body?: unknown][] = [
  ['GET', '/api/models/NAME'],
  ['PATCH', '/api/models/NAME', { description: 'd' }],
  ['DELETE', '/api/models/NAME'],
  ['DELETE', '/api/models/NAME?force=true'],
  ['GET', '/api/models/NAME/versions'],
  ['POST', '/api/models/NAME/versions', tinyModel()],
  ['GET', '/api/models/NAME/versions/1'],
  ['POST', '/api/models/NAME/versions/1/archive', { reason: 'r' }],
  ['GET', '/api/models/NAME/aliases'],
  ['GET', '/api/models/NAME/aliases/production'],
  ['GET', '/api/models/NAME/aliases/production?at=2999-01-01T00:00:00Z'],
  ['GET', '/api/models/NAME/aliases/production/history'],
  ['PUT', '/api/models/NAME/aliases/production', TARGETS],
  ['PATCH', '/api/models/NAME/aliases/production', { protected: true }],
  ['POST', '/api/models/NAME/aliases/production/rollback', { reason: 'r' }],
  ['DELETE', '/api/models/NAME/aliases/production?reason=r'],
  ['GET', '/api/models/NAME/grants'],
  ['PUT', '/api/models/NAME/grants/default', { access: 'read' }],
  ['DELETE', '/api/models/NAME/grants/default'],
  ['GET', '/v2/models/NAME'],
  ['GET', '/v2/models/NAME/ready'],
  ['GET', '/v2/models/NAME/versions/1'],
  ['GET', '/v2/models/NAME@production'],
  ['GET', '/v2/models/NAME/config'],
  ['GET', '/v2/models/NAME/stats'],
  ['GET', '/v1/models/NAME'],
  ['POST', '/v1/embeddings', { model: 'NAME', input: 'a' }],
  ['POST', '/v2/models/NAME/infer', { inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] }],
];

describe('a model of another team', () => {
  // One for all: none of the calls may change it.
  const shared = async () => [await newForeign(), await newTeamKey(...ALL)] as const;
  let made: ReturnType<typeof shared> | undefined;

  it.each(PATHS)('is as absent: %s %s', async (method, path, body) => {
    made ??= shared();
    const [{ name }, other] = await made;
    const absent = name.replace(/\d$/, 'x');
    const [hidden, missing] = await Promise.all(
      [name, absent].map((which) => {
        const own = body instanceof Uint8Array ? body : JSON.parse(JSON.stringify(body ?? null).replace('NAME', which));
        return call(method, path.replace('NAME', which), { key: other.secret, body: own ?? undefined });
      }),
    );
    if (!hidden || !missing) throw new Error('no answers');
    expect(hidden.status).toBe(missing.status);
    expect([403, 404]).toContain(hidden.status);
    const words = (text: string) => text.replaceAll(name, absent).replace(/"requestId":"[^"]*"/, '');
    expect(words(hidden.text)).toBe(words(missing.text));
    expect([...hidden.headers.keys()]).toEqual([...missing.headers.keys()]);
  });

  it('shows neither its files, nor itself in a list, nor its audit rows', async () => {
    const { name, digest } = await newForeign();
    const other = await newTeamKey(...ALL);
    const absent = digest.replace(/.{4}$/, '0000');
    const [hidden, missing] = await Promise.all(
      [digest, absent].map((which) => call('GET', `/api/blobs/${which}`, { key: other.secret })),
    );
    expect(hidden).toMatchObject({ status: 404, body: { code: 'blob_not_found' } });
    expect(String(hidden?.body.detail).replace(digest, absent)).toBe(missing?.body.detail);
    const listed = await call('GET', '/api/models?limit=1000', { key: other.secret });
    expect(listed.text).not.toContain(name);
    const [models, index] = await Promise.all([
      call('GET', '/v1/models', { key: other.secret }),
      call('POST', '/v2/repository/index', { key: other.secret }),
    ]);
    expect([models.status, index.status]).toEqual([200, 200]);
    expect(models.text + index.text).not.toContain(name);
    const log = await call('GET', `/api/audit?model=${name}`, { key: other.secret });
    expect(log).toMatchObject({ status: 200, body: { items: [] } });
  });
});

describe('access to a model', () => {
  /** What a team of `infer`, `models:read` and `models:write` gets: reading it, its files, calling it, changing it. */
  const rules: [string, 'private' | 'public', string | undefined, [number, number, number, number]][] = [
    ['private', 'private', undefined, [404, 404, 404, 404]],
    ['granted to infer', 'private', 'infer', [404, 404, 200, 404]],
    ['granted to read', 'private', 'read', [200, 200, 200, 403]],
    ['public', 'public', undefined, [200, 200, 200, 403]],
    ['public and granted to infer', 'public', 'infer', [200, 200, 200, 403]],
  ];

  it.each(rules)('that is %s', async (_what, visibility, access, [reads, files, infers, changes]) => {
    const { name, digest, grant } = await newForeign(visibility);
    const other = await newTeamKey(...ALL);
    if (access) expect((await grant(other.team, access)).status).toBe(200);
    const status = async (method: string, path: string, body?: unknown) =>
      (await call(method, path, { key: other.secret, body })).status;
    for (const path of ['', '/versions', '/versions/1', '/aliases/production', '/aliases/production/history']) {
      expect(await status('GET', `/api/models/${name}${path}`)).toBe(reads);
    }
    expect(await status('GET', `/api/blobs/${digest}`)).toBe(files);
    expect((await call('GET', '/api/models?limit=1000', { key: other.secret })).text.includes(`"${name}"`)).toBe(
      reads === 200,
    );
    for (const path of ['', '@production', '@1', '/versions/1']) {
      expect(await status('GET', `/v2/models/${name}${path}`)).toBe(infers);
    }
    const inputs = [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, -2] }];
    const answer = await call('POST', `/v2/models/${name}/infer`, { key: other.secret, body: { inputs } });
    expect(answer.status).toBe(infers);
    if (infers === 200) expect(answer.body.outputs).toMatchObject([{ data: [-1, 2] }]);
    expect(await status('PATCH', `/api/models/${name}`, { description: 'mine' })).toBe(changes);
    expect(await status('PUT', `/api/models/${name}/aliases/mine`, TARGETS)).toBe(changes);
    expect(await status('GET', `/api/models/${name}/grants`)).toBe(changes);
    expect(await status('DELETE', `/api/models/${name}?force=true`)).toBe(changes);
  });

  it('follows a change of visibility', async () => {
    const { name, secret } = await newForeign();
    const other = await newTeamKey(...ALL);
    const served = async () => (await call('GET', `/v2/models/${name}`, { key: other.secret })).status;
    expect(await served()).toBe(404);
    await call('PATCH', `/api/models/${name}`, { key: secret, body: { visibility: 'public' } });
    expect(await served()).toBe(200);
    await call('PATCH', `/api/models/${name}`, { key: secret, body: { visibility: 'private' } });
    expect(await served()).toBe(404);
  });
});

describe('grants', () => {
  it('are given by id or name, changed, listed and taken back', async () => {
    const { name, secret, id, grant } = await newForeign();
    const [a, b] = [await newTeamKey('infer'), await newTeamKey(...ALL)];
    const first = await grant(a.team, 'infer');
    expect(first).toMatchObject({ status: 200, body: { model: name, team: a.team, access: 'infer', createdBy: id } });
    const teamName = freshName('named');
    const named = await client().teams.create({ name: teamName });
    expect((await grant(teamName, 'read')).body).toMatchObject({ team: named.id });
    expect((await grant(a.team, 'read')).body).toEqual({ ...first.body, access: 'read' });
    await grant(b.team, 'infer');
    const list = async (query = '') =>
      (await call('GET', `/api/models/${name}/grants${query}`, { key: secret })).body as unknown as Page<{
        team: string;
      }>;
    const teams = (await list()).items.map(({ team }) => team);
    expect(teams).toEqual([a.team, named.id, b.team].sort());
    const page = await list('?limit=2');
    expect(page.items).toHaveLength(2);
    expect((await list(`?limit=2&cursor=${page.nextCursor}`)).items).toHaveLength(1);

    const served = async () => (await call('GET', `/v2/models/${name}`, { key: b.secret })).status;
    expect(await served()).toBe(200);
    const remove = async (team: string) => await call('DELETE', `/api/models/${name}/grants/${team}`, { key: secret });
    expect((await remove(b.team)).status).toBe(204);
    expect(await served()).toBe(404);
    expect(await remove(b.team)).toMatchObject({ status: 404, body: { code: 'grant_not_found' } });
    expect((await remove(teamName)).status).toBe(204);
    expect(await remove('nobody')).toMatchObject({ status: 404, body: { code: 'team_not_found' } });
  });

  it('are refused to the owner team, to a team that is not there, and for another access', async () => {
    const { team, grant } = await newForeign();
    expect(await grant(team, 'read')).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(await grant('nobody', 'read')).toMatchObject({ status: 404, body: { code: 'team_not_found' } });
    expect(await grant('default', 'write')).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('do not let their teams grant further, and keep the model from being deleted', async () => {
    const { name, grant } = await newForeign();
    const other = await newTeamKey(...ALL);
    await grant(other.team, 'read');
    expect(await grant('default', 'read', other.secret)).toMatchObject({
      status: 403,
      body: { code: 'missing_scope' },
    });
    await call('DELETE', `/api/models/${name}/aliases/production?reason=r`);
    const refused = await call('DELETE', `/api/models/${name}`);
    expect(refused).toMatchObject({ status: 409, body: { code: 'model_in_use' } });
    expect(refused.body.detail).toContain(other.team);
    expect((await call('DELETE', `/api/models/${name}?force=true`)).status).toBe(204);
    expect((await call('GET', `/v2/models/${name}`, { key: other.secret })).status).toBe(404);
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

  it('are listed by team, with what they are for and when they were last used', async () => {
    const { team, secret, id } = await newTeamKey('models:read');
    const body = { team, name: 'second', description: 'the nightly job', scopes: ['infer'] };
    const second = (await call('POST', '/api/keys', { body })).body as unknown as Key;
    const list = async (which: string) => (await call('GET', `/api/keys?team=${which}`)).body as unknown as Page<Key>;
    expect((await list(team)).items.map((key) => key.id)).toEqual([id, second.id].sort());
    expect((await list(team)).items.find((key) => key.id === second.id)).toMatchObject({
      description: 'the nightly job',
    });
    expect(await call('GET', '/api/keys?team=nobody')).toMatchObject({ status: 404, body: { code: 'team_not_found' } });
    const before = Date.now();
    await call('GET', '/api/models', { key: secret });
    const used = async () => (await list(team)).items.find((key) => key.id === id)?.lastUsedAt;
    await expect.poll(used).toBeDefined();
    expect(Math.abs(Date.parse((await used()) ?? '') - before)).toBeLessThan(10_000);
    expect((await list(team)).items.find((key) => key.id === second.id)?.lastUsedAt).toBeUndefined();
  });
});
