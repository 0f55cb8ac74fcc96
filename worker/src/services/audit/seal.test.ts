import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../../test/support/d1-on-sqlite.ts';
import { openDatabase } from '../../db/database.ts';
import { auditLog } from '../../db/schema.ts';
import { sealAudit, sealedHead } from './seal.ts';
import { verifyAudit } from './verify.ts';

/** A log of `count` rows, and a Durable Object's storage. */
async function newLog(count: number) {
  const { sqlite, binding } = openD1();
  const db = openDatabase(binding as D1Database);
  const kept = new Map<string, unknown>();
  const storage = {
    failing: false,
    get: async (key: string) => structuredClone(kept.get(key)),
    put: async (key: string, value: unknown) => {
      if (storage.failing) throw new Error('the object was stopped');
      kept.set(key, value);
    },
  };
  const add = async (rows: number) => {
    for (let i = 0; i < rows; i++) {
      const detail = { i, text: 'ü"', nested: { z: [1.5, null], a: true } };
      const entry = { at: i, actor: 'key_1', teamId: 'team_1', action: 'x.y', subject: 's', model: 'm', detail };
      await db.insert(auditLog).values(entry);
    }
  };
  await add(count);
  const seal = async () => await sealAudit(db, storage as never);
  const verify = async () => await verifyAudit(db, kept.get('audit-head') as never);
  const hashes = () => sqlite.prepare('SELECT seq, hash FROM audit_log ORDER BY seq').all();
  const sealAndVerify = async () => await verifyAudit(db, await sealedHead(db, storage as never));
  return { db, sqlite, storage, add, seal, sealAndVerify, verify, hashes };
}

describe('the audit log', () => {
  it('is sealed in order, chunk after chunk, and again when there is more', async () => {
    const { add, seal, verify, hashes } = await newLog(1203);
    await seal();
    expect(await verify()).toMatchObject({ ok: true, entries: 1203, unsealed: 0 });
    const before = hashes();
    await add(2);
    expect(await verify()).toMatchObject({ entries: 1203, unsealed: 2 });
    await Promise.all([seal(), seal()]);
    expect(hashes().slice(0, 1203)).toEqual(before);
    expect(await verify()).toMatchObject({ entries: 1205, unsealed: 0, head: hashes()[1204]?.hash });
  });

  it('may be empty', async () => {
    const { sqlite, seal, verify } = await newLog(0);
    sqlite.exec('DELETE FROM audit_log');
    await seal();
    expect(await verify()).toEqual({ ok: true, entries: 0, unsealed: 0 });
  });

  it('is sealed to the same chain after a stop between the two writes', async () => {
    const { storage, seal, verify, add, hashes } = await newLog(3);
    storage.failing = true;
    await expect(seal()).rejects.toThrow('stopped');
    const before = hashes();
    storage.failing = false;
    await add(1);
    await seal();
    expect(hashes().slice(0, 3)).toEqual(before);
    expect(await verify()).toMatchObject({ entries: 4, unsealed: 0 });
  });

  it.each([
    ['a changed row', "UPDATE audit_log SET actor = 'key_2' WHERE seq = 700", /entry 700 was changed/],
    [
      'a changed detail',
      `UPDATE audit_log SET detail = json_set(detail, '$.i', 9) WHERE seq = 3`,
      /entry 3 was changed/,
    ],
    ['a deleted row', 'DELETE FROM audit_log WHERE seq = 501', /entry 501 is missing/],
    ['a cut tail', 'DELETE FROM audit_log WHERE seq > 900', /entries 901 to 1203 are missing: the end/],
    ['a deleted log', 'DELETE FROM audit_log', /entries 1 to 1203 are missing/],
    ['an exchanged row', 'UPDATE audit_log SET hash = NULL WHERE seq = 4', /entry 4 was inserted later or has lost/],
    [
      'a row put before all',
      "INSERT INTO audit_log (seq, at, actor, team_id, action, subject) VALUES (0, 0, 'a', 't', 'x', 's')",
      /entry 0 was inserted later/,
    ],
    [
      'a row with a hash beyond the end',
      "INSERT INTO audit_log (at, actor, team_id, action, subject, hash) VALUES (0, 'a', 't', 'x', 's', 'f')",
      /entry 1204 was changed/,
    ],
  ])('tells %s', async (_what, statement, sentence) => {
    const { sqlite, seal, sealAndVerify } = await newLog(1203);
    await seal();
    sqlite.exec(statement);
    await expect(sealAndVerify()).rejects.toMatchObject({
      code: 'audit_broken',
      message: expect.stringMatching(sentence),
    });
  });

  it('tells a cut tail even when the log goes on', async () => {
    const { sqlite, seal, verify, add } = await newLog(5);
    await seal();
    sqlite.exec('DELETE FROM audit_log WHERE seq >= 4');
    await add(2);
    await seal();
    await expect(verify()).rejects.toMatchObject({ message: expect.stringMatching(/entries 4 to 5 are missing/) });
  });

  it('tells that the head is lost', async () => {
    const { db, seal } = await newLog(2);
    await seal();
    await expect(verifyAudit(db, undefined)).rejects.toMatchObject({
      message: expect.stringMatching(/entry 1 has a hash, but nothing was ever sealed/),
    });
  });
});
