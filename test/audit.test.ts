import { createHash } from 'node:crypto';
import type { AuditEntry, AuditVerified, Page } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { call, keyOf, newModel, newTeamKey } from './support/api.ts';
import { newForeign } from './support/foreign-model.ts';

describe('the audit log', () => {
  const read = async (query: string, key?: string) =>
    (await call('GET', `/api/audit?${query}`, key ? { key } : {})).body as unknown as Page<AuditEntry>;

  it('has every change of a team’s things, by whomever, for those who look after them', async () => {
    const { name, team, id } = await newForeign();
    await call('PATCH', `/api/models/${name}`, { body: { description: 'by admin' } });
    const ops = await keyOf(team, 'ops');
    const { items } = await read('', ops.secret);
    expect(items.map(({ action }) => action)).toEqual([
      'key.create',
      'model.patch',
      'alias.put',
      'version.ready',
      'version.create',
      'model.create',
      'key.create',
      'team.create',
    ]);
    expect(new Set(items.map((entry) => entry.team))).toEqual(new Set([team]));
    expect(items.map(({ seq }) => seq)).toEqual(items.map(({ seq }) => seq).sort((a, b) => b - a));
    expect(items[2]).toMatchObject({
      actor: id,
      model: name,
      subject: `alias/${name}@production`,
      detail: { revision: 1, targets: [{ version: 1, weight: 1 }], reason: 'r' },
    });
    const own = items.slice(2, 6).filter(({ action }) => action !== 'version.ready');
    expect((await read(`actor=${id}`, ops.secret)).items).toEqual(own);
    expect((await read(`model=${name}`, ops.secret)).items).toEqual(items.slice(1, 6));
    expect((await read('actor=gateway', ops.secret)).items).toEqual(items.slice(3, 4));
    expect((await read('action=model.patch', ops.secret)).items).toEqual(items.slice(1, 2));
    const page = await read('limit=3', ops.secret);
    expect(page.items).toEqual(items.slice(0, 3));
    expect((await read(`limit=3&cursor=${page.nextCursor}`, ops.secret)).items).toEqual(items.slice(3, 6));
    const at = items[3]?.at ?? '';
    const since = await read(`since=${at}&model=${name}`);
    expect(since.items.map(({ seq }) => seq)).toEqual(
      items.filter((entry) => entry.model === name && entry.at >= at).map(({ seq }) => seq),
    );
    const until = await read(`until=${at}&model=${name}`);
    expect(until.items.every((entry) => entry.at < at)).toBe(true);
  });

  it('is for scope ops, and its verification for admin', async () => {
    const { secret } = await newTeamKey('models:read', 'models:write', 'infer');
    const ops = await newTeamKey('ops');
    expect((await call('GET', '/api/audit', { key: secret })).status).toBe(403);
    expect((await call('GET', '/api/audit/verify', { key: ops.secret })).status).toBe(403);
    expect(await call('GET', '/api/audit?since=x')).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });
});

describe('the chain of the audit log', () => {
  it('is verified after it was sealed, and by hand from what the gateway tells', async () => {
    await newModel();
    const verified = await call('GET', '/api/audit/verify');
    expect(verified.status).toBe(200);
    const { entries, head } = verified.body as unknown as AuditVerified;
    const log = (await call('GET', '/api/audit?limit=1000')).body as unknown as Page<AuditEntry>;
    const items = log.items.filter(({ seq }) => seq <= entries);
    expect(items[0]).toMatchObject({ seq: entries, hash: head });
    for (const [i, entry] of items.slice(0, -1).entries()) {
      const { seq, at, actor, team, action, subject, model = null, detail } = entry;
      const sealed = {
        action,
        actor,
        at: Date.parse(at),
        detail: sorted(detail),
        model,
        previous: items[i + 1]?.hash,
        seq,
        subject,
        teamId: team,
      };
      expect(createHash('sha256').update(JSON.stringify(sealed)).digest('hex')).toBe(entry.hash);
    }
  });

  it('grows with every change, and stays what it was', async () => {
    const first = (await call('GET', '/api/audit/verify')).body as unknown as AuditVerified;
    await newModel();
    const second = (await call('GET', '/api/audit/verify')).body as unknown as AuditVerified;
    expect(second.entries).toBeGreaterThan(first.entries);
    const { items } = (await call('GET', '/api/audit?limit=1000')).body as unknown as Page<AuditEntry>;
    expect(items.find(({ seq }) => seq === first.entries)?.hash).toBe(first.head);
  });
});

/** Keys in order, as RFC 8785 has them; the rest of it is what JSON.stringify does. */
function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map(sorted);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, inner]) => [key, sorted(inner)]));
}
