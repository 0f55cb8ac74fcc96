import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { call, client, freshName, newModel, newModelsWith, newTeamKey, uploadReady } from './support/api.ts';
import { tinyModel } from './support/tiny-model.ts';

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

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

  it('are listed page by page', async () => {
    const { client: own } = await newModel();
    const first = await own.models.list({ limit: 2 });
    expect(first.items).toHaveLength(2);
    const second = await own.models.list({ limit: 2, cursor: first.nextCursor ?? '' });
    const names = [...first.items, ...second.items].map((model) => model.name);
    expect(names).toEqual([...new Set(names)].sort());
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

describe('a change of a model', () => {
  it('is of what it says of itself, in part', async () => {
    const { client: own, name, secret } = await newModel();
    const patch = async (body: object) => await call('PATCH', `/api/models/${name}`, { key: secret, body });
    const before = await own.models.get(name);
    const changes = { task: 'embedding', description: 'Größe', labels: { stage: 'trial' } };
    expect(await patch(changes)).toMatchObject({ status: 200, body: { ...before, ...changes } });
    expect(await patch({ labels: {} })).toMatchObject({ status: 200, body: { ...before, ...changes, labels: {} } });
    expect((await own.models.get(name)).description).toBe('Größe');
    for (const wrong of [{}, { name: 'other' }, { team: 'default' }, { task: 'Two Words' }, { visibility: 'secret' }]) {
      expect(await patch(wrong)).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    }
    const log = await call('GET', `/api/audit?model=${name}&action=model.patch&limit=1`);
    expect(log.body.items).toMatchObject([{ subject: `model/${name}`, model: name, detail: { labels: {} } }]);
  });
});

describe('a deletion of a model', () => {
  const remove = async (name: string, key: string, query = '') =>
    await call('DELETE', `/api/models/${name}${query}`, { key });

  it('takes everything that is only its own, and frees the name', async () => {
    const { client: own, name, secret, team } = await newModel();
    const bytes = tinyModel(name);
    const { digest } = await uploadReady(own, name, bytes);
    await own.aliases.put(name, 'production', { targets: [{ version: 1 }], reason: 'r' });
    const refused = await remove(name, secret);
    expect(refused).toMatchObject({ status: 409, body: { code: 'model_in_use' } });
    expect(refused.body.detail).toContain('alias "production"');
    expect((await remove(name, secret, '?force=maybe')).status).toBe(400);
    expect((await remove(name, secret, '?force=true')).status).toBe(204);
    for (const path of [`/api/models/${name}`, `/api/models/${name}/versions/1`, `/v2/models/${name}`]) {
      expect(await call('GET', path, { key: secret })).toMatchObject({ status: 404 });
    }
    expect((await call('GET', `/api/blobs/${sha256(bytes)}`, { key: secret })).status).toBe(200);
    const log = await call('GET', `/api/audit?model=${name}&action=model.delete`);
    expect(log.body.items).toMatchObject([
      {
        team,
        detail: {
          force: true,
          versions: [{ version: 1, state: 'ready', digest }],
          aliases: [{ alias: 'production', revision: 1, targets: [{ version: 1, weight: 1 }] }],
          grants: [],
        },
      },
    ]);
    const other = await newTeamKey('models:read', 'models:write');
    expect(await other.client.models.create({ name })).toMatchObject({ name, team: other.team });
    expect((await other.client.versions.list(name)).items).toEqual([]);
  });

  it('needs no force where nothing refers to it, and happens once', async () => {
    const { client: own, name, secret } = await newModel();
    await uploadReady(own, name, tinyModel());
    const answers = await Promise.all(Array.from({ length: 5 }, () => remove(name, secret)));
    expect(answers.map(({ status }) => status).sort()).toEqual([204, 404, 404, 404, 404]);
    expect((await call('GET', `/api/audit?model=${name}&action=model.delete`)).body.items).toHaveLength(1);
  });

  it('and a move of an alias never both succeed', async () => {
    const models = await newModelsWith(12, tinyModel());
    const both = await Promise.all(
      models.map(async ({ name, secret }) => {
        const body = { targets: [{ version: 1 }], reason: 'r' };
        const [put, removed] = await Promise.all([
          call('PUT', `/api/models/${name}/aliases/production`, { key: secret, body }),
          remove(name, secret),
        ]);
        return `${put.status} ${removed.status}`;
      }),
    );
    expect(both.filter((outcome) => outcome !== '200 409' && outcome !== '404 204')).toEqual([]);
  });
});
