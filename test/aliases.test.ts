import type { Alias, AliasRevision, Page } from '@lepton-edge/protocol';
import { describe, expect, inject, it } from 'vitest';
import { type CallOptions, call, freshName, keyOf, newModel, newTeamKey, uploadReady } from './support/api.ts';
import { tinyModel } from './support/tiny-model.ts';

const BYTES = [tinyModel('first'), tinyModel('second'), tinyModel('third')];
let sharedTeam: ReturnType<typeof newTeamKey> | undefined;

/** A model with three ready versions, and its alias `production` as plain HTTP. */
async function newAlias() {
  // Of one team, so that only the first of all is tried.
  sharedTeam ??= newTeamKey('models:read', 'models:write', 'infer');
  const owner = { ...(await sharedTeam), name: freshName('model') };
  await owner.client.models.create({ name: owner.name });
  for (const bytes of BYTES) await uploadReady(owner.client, owner.name, bytes);
  const path = `/api/models/${owner.name}/aliases/production`;
  const as = async (method: string, suffix = '', options: CallOptions = {}) =>
    await call(method, `${path}${suffix}`, { key: owner.secret, ...options });
  const put = async (version: number, more: { reason?: string; ifRevision?: number } = {}, key = owner.secret) =>
    await call('PUT', path, { key, body: { targets: [{ version }], reason: `to ${version}`, ...more } });
  const history = async (query = '') => (await as('GET', `/history${query}`)).body as unknown as Page<AliasRevision>;
  return { ...owner, as, put, history };
}

const versionsOf = (alias: unknown) => (alias as Alias).targets.map(({ version }) => version);

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

  it('keep exactly the winners of 200 concurrent moves in their history, in order', async () => {
    const { put, history } = await newAlias();
    const moves = Array.from({ length: 200 }, (_, i) => put(1, { reason: `move ${i}`, ifRevision: i % 8 }));
    const answers = await Promise.all(moves);
    const won = answers.flatMap(({ status, body }, i) => (status === 200 ? [{ ...body, i }] : []));
    const lost = answers.filter(({ status }) => status !== 200);
    expect(lost.every(({ status, body }) => status === 409 && body.code === 'revision_conflict')).toBe(true);
    const winners = won as unknown as (Alias & { i: number })[];
    winners.sort((a, b) => a.revision - b.revision);
    const kept = (await history()).items.reverse();
    expect(winners.length).toBeGreaterThan(0);
    expect(kept.map(({ revision, reason }) => ({ revision, reason }))).toEqual(
      winners.map(({ revision, i }) => ({ revision, reason: `move ${i}` })),
    );
    expect(winners.map(({ revision }) => revision)).toEqual(winners.map((_, i) => i + 1));
    expect(winners.every(({ revision, i }) => revision === (i % 8) + 1)).toBe(true);
  });

  it('are listed move by move, newest first, page by page, by whom and when', async () => {
    const { put, history, as, id, team } = await newAlias();
    const second = await keyOf(team, 'models:write');
    for (const version of [1, 2]) await put(version);
    await put(1, { reason: 'by another' }, second.secret);
    const { items } = await history();
    expect(items.map(({ revision }) => revision)).toEqual([3, 2, 1]);
    expect(items[0]).toMatchObject({ alias: 'production', targets: [{ version: 1, weight: 1 }], createdBy: second.id });
    const first = await history('?limit=2');
    expect(first.items).toEqual(items.slice(0, 2));
    expect((await history(`?limit=2&cursor=${first.nextCursor}`)).items).toEqual(items.slice(2));
    expect((await history(`?actor=${second.id}`)).items).toEqual(items.slice(0, 1));
    expect((await history(`?actor=${id}`)).items).toEqual(items.slice(1));
    const [newest, middle] = items.map(({ createdAt }) => createdAt);
    const from = items.filter(({ createdAt }) => createdAt >= (middle ?? ''));
    expect((await history(`?since=${middle}`)).items).toEqual(from);
    const before = items.filter(({ createdAt }) => createdAt < (newest ?? ''));
    expect((await history(`?until=${newest}`)).items).toEqual(before);
    expect(await as('GET', '/history?since=yesterday')).toMatchObject({ status: 400 });
    expect(await as('GET', 'x/history')).toMatchObject({ status: 404, body: { code: 'alias_not_found' } });
  });

  it('are told as they were at each instant, however fast they moved', async () => {
    const { put, as, history } = await newAlias();
    for (let i = 0; i < 12; i++) await put((i % 3) + 1);
    await as('DELETE', '?reason=gone');
    for (let i = 0; i < 4; i++) await put((i % 2) + 1);
    const moves = (await history()).items.reverse();
    expect(moves.map(({ revision }) => revision)).toEqual(Array.from({ length: 17 }, (_, i) => i + 1));
    const times = moves.map(({ createdAt }) => Date.parse(createdAt));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    for (const at of new Set(times.flatMap((time) => [time - 1, time, time + 1]))) {
      const expected = moves.findLast(({ createdAt }) => Date.parse(createdAt) <= at);
      const answer = await as('GET', `?at=${new Date(at).toISOString()}`);
      if (!expected || expected.targets.length === 0) {
        expect(answer).toMatchObject({ status: 404, body: { code: 'alias_not_found' } });
        continue;
      }
      const { revision, targets, reason, createdAt, createdBy } = expected;
      expect(answer).toMatchObject({
        status: 200,
        body: { alias: 'production', revision, targets, reason, updatedAt: createdAt, updatedBy: createdBy },
      });
    }
    expect((await as('GET', '?at=2999-01-01T00:00:00Z')).body).toEqual((await as('GET')).body);
    expect(await as('GET', '?at=now')).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});

describe('a rollback', () => {
  it('goes back to the targets before, or to those of a revision, as a new revision', async () => {
    const { put, as } = await newAlias();
    for (const version of [1, 2, 3]) await put(version);
    const back = await as('POST', '/rollback', { body: { reason: 'worse', ifRevision: 3 } });
    expect(back).toMatchObject({ status: 200, body: { revision: 4, targets: [{ version: 2 }], reason: 'worse' } });
    const again = await as('POST', '/rollback', { body: { reason: 'no, it was not' } });
    expect(again).toMatchObject({ status: 200, body: { revision: 5, targets: [{ version: 3 }] } });
    const first = await as('POST', '/rollback', { body: { reason: 'far back', toRevision: 1 } });
    expect(first).toMatchObject({ status: 200, body: { revision: 6, targets: [{ version: 1 }] } });
    expect((await as('GET')).body).toEqual(first.body);
  });

  it('is refused where there is nothing to go back to', async () => {
    const { put, as } = await newAlias();
    const rollback = async (body: object) => await as('POST', '/rollback', { body: { reason: 'r', ...body } });
    expect(await rollback({})).toMatchObject({ status: 404, body: { code: 'alias_not_found' } });
    await put(1);
    const refused = async (body: object, sentence: RegExp) => {
      const answer = await rollback(body);
      expect(answer).toMatchObject({ status: 409, body: { code: 'revision_conflict' } });
      expect(answer.body.detail).toMatch(sentence);
    };
    await refused({}, /first revision: nothing to roll back to/);
    await refused({ toRevision: 9 }, /no revision 9/);
    await refused({ toRevision: 1 }, /at revision 1 already/);
    await refused({ ifRevision: 7 }, /is at revision 1, expected revision 7/);
    await as('DELETE', '?reason=gone');
    await refused({ ifRevision: 1 }, /does not exist \(revision 0\), expected revision 1/);
    await put(2);
    await refused({}, /deleted by revision 2: name an earlier one/);
    expect(await rollback({ toRevision: 1 })).toMatchObject({ status: 200, body: { revision: 4 } });
    expect((await rollback({ toRevision: 0 })).status).toBe(400);
    expect((await as('POST', '/rollback', { body: {} })).status).toBe(400);
  });

  it('is refused to a version that is no longer ready', async () => {
    const { put, as, name, secret } = await newAlias();
    for (const version of [1, 2]) await put(version);
    const archive = await call('POST', `/api/models/${name}/versions/1/archive`, {
      key: secret,
      body: { reason: 'old' },
    });
    expect(archive.status).toBe(200);
    const answer = await as('POST', '/rollback', { body: { reason: 'r' } });
    expect(answer).toMatchObject({ status: 409, body: { code: 'version_not_ready' } });
    expect(answer.body.detail).toContain('version 1');
    expect((await as('GET')).body).toMatchObject({ revision: 2 });
  });
});

describe('a deletion', () => {
  it('ends an alias but not its history, and its revisions go on', async () => {
    const { put, as, history, name, secret, client: own } = await newAlias();
    for (const version of [1, 1]) await put(version);
    const served = async () => (await call('GET', `/v2/models/${name}/ready`, { key: secret })).body;
    expect(await served()).toMatchObject({ version: '1' });
    expect(await as('DELETE')).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
    expect(await as('DELETE', '?reason=r&ifRevision=1')).toMatchObject({ status: 409 });
    expect((await as('DELETE', '?reason=gone&ifRevision=2')).status).toBe(204);
    expect(await as('GET')).toMatchObject({ status: 404, body: { code: 'alias_not_found' } });
    expect(await as('DELETE', '?reason=again')).toMatchObject({ status: 404, body: { code: 'alias_not_found' } });
    expect((await own.aliases.list(name)).items).toEqual([]);
    expect((await history()).items[0]).toMatchObject({ revision: 3, targets: [], reason: 'gone' });
    // Without an alias the name stands for the newest ready version, and the alias's for none.
    expect(await served()).toMatchObject({ version: '3' });
    expect((await call('GET', `/v2/models/${name}@production`)).status).toBe(404);
    expect(await put(1, { ifRevision: 3 })).toMatchObject({ status: 409 });
    expect(await put(1, { ifRevision: 0 })).toMatchObject({ status: 200, body: { revision: 4, protected: false } });
    expect(await put(1, { ifRevision: 0 })).toMatchObject({ status: 409 });
  });
});

describe('protection', () => {
  it('leaves an alias to admin alone, without a revision', async () => {
    const { put, as, name, history } = await newAlias();
    for (const version of [1, 2]) await put(version);
    const admin = { key: inject('adminKey') };
    expect((await as('PATCH', '', { body: { protected: true } })).status).toBe(403);
    expect(await as('PATCH', '', { ...admin, body: { protected: true } })).toMatchObject({
      status: 200,
      body: { protected: true, revision: 2 },
    });
    for (const refused of [
      await put(1),
      await as('POST', '/rollback', { body: { reason: 'r' } }),
      await as('DELETE', '?reason=r'),
    ]) {
      expect(refused).toMatchObject({ status: 403, body: { code: 'missing_scope' } });
      expect(refused.body.detail).toContain('protected');
    }
    expect((await history()).items).toHaveLength(2);
    const moved = await as('POST', '/rollback', { ...admin, body: { reason: 'r' } });
    expect(moved).toMatchObject({ status: 200, body: { revision: 3, protected: true } });
    expect((await as('PATCH', '', { ...admin, body: { protected: false } })).body).toMatchObject({ revision: 3 });
    expect(versionsOf((await put(2)).body)).toEqual([2]);
    await as('PATCH', '', { ...admin, body: { protected: true } });
    expect((await as('DELETE', '?reason=r', admin)).status).toBe(204);
    expect(await as('PATCH', '', { ...admin, body: { protected: true } })).toMatchObject({
      status: 404,
      body: { code: 'alias_not_found' },
    });
    const log = await call('GET', `/api/audit?model=${name}&action=alias.protect`);
    expect(log.body.items).toHaveLength(3);
  });

  it('holds against moves that are under way', async () => {
    const { put, as, history } = await newAlias();
    await put(1);
    const moves = Array.from({ length: 12 }, (_, i) => put((i % 2) + 1));
    const protect = as('PATCH', '', { key: inject('adminKey'), body: { protected: true } });
    const answers = await Promise.all(moves);
    await protect;
    const revisions = answers.flatMap(({ status, body }) => (status === 200 ? [body.revision] : []));
    expect((await history()).items).toHaveLength(revisions.length + 1);
    for (const { status, body } of answers)
      if (status !== 200) expect(body.code).toMatch(/missing_scope|revision_conflict/);
    expect((await put(1)).status).toBe(403);
  });
});
