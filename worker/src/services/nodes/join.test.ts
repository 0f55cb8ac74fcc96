import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../../test/support/d1-on-sqlite.ts';
import type { Gateway } from '../../context.ts';
import { openDatabase } from '../../db/database.ts';
import { hashSecret } from '../../db/secrets.ts';
import { joinNode } from './join.ts';

/** A gateway with join tokens `t1` to `t3`, and a node that proves its address. */
async function setup() {
  const { sqlite, binding } = openD1();
  for (const token of ['t1', 't2', 't3']) {
    sqlite
      .prepare(
        "INSERT INTO node_tokens (id, hash, created_at, created_by, expires_at) VALUES (?, ?, 0, 'key_1', 9999999999999)",
      )
      .run(token, await hashSecret(token));
  }
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  const { x = '' } = await exportJWK(publicKey);
  const living: { id: string; silentMs: number; heartbeat: { state: string; url: string; instance?: string } }[] = [];
  const gateway = {
    settings: { allowPrivateNodes: true, publicUrl: 'https://gateway.example.com' },
    db: openDatabase(binding as D1Database),
    now: () => Date.now(),
    fleet: { find: async (id: string) => living.find((node) => node.id === id) },
    fetch: async (_url: string, { body }: { body: string }) => {
      const { nonce, audience } = JSON.parse(body);
      const jwt = new SignJWT({ nonce }).setProtectedHeader({ alg: 'EdDSA' }).setAudience(audience).setIssuedAt();
      return Response.json({ proof: await jwt.sign(privateKey) });
    },
  } as unknown as Gateway;
  const join = async (token: string, name = 'n1', instance?: string) =>
    await joinNode(gateway, 'https://gateway.example.com', {
      token,
      name,
      url: 'http://node.example.com',
      publicKey: { kty: 'OKP', crv: 'Ed25519', x },
      labels: {},
      instance,
    });
  const valid = () =>
    sqlite.prepare('SELECT node_id AS node FROM api_keys WHERE node_id IS NOT NULL AND revoked_at IS NULL').all();
  return { sqlite, gateway, join, valid, living };
}

describe('a join', () => {
  it('under a name that another join takes at the same time is a take-over', async () => {
    const { join, valid, sqlite } = await setup();
    const [one, other] = await Promise.all([join('t1'), join('t2')]);
    expect(one.id).toBe(other.id);
    expect(one.credential).not.toBe(other.credential);
    expect(valid()).toEqual([{ node: one.id }]);
    expect(sqlite.prepare('SELECT id FROM nodes').all()).toEqual([{ id: one.id }]);
  });

  it('uses a token once, even twice at once', async () => {
    const { join } = await setup();
    const both = await Promise.allSettled([join('t1', 'a'), join('t1', 'b')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'unauthenticated' } });
  });

  it('uses a token for as many joins as it is good for, even at once, and for none once it is revoked', async () => {
    const { join, sqlite } = await setup();
    sqlite.exec("UPDATE node_tokens SET uses = 3 WHERE id IN ('t1', 't2')");
    const outcomes = await Promise.allSettled(['a', 'b', 'c', 'd', 'e'].map((name) => join('t1', name)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(3);
    expect(sqlite.prepare("SELECT used FROM node_tokens WHERE id = 't1'").get()).toEqual({ used: 3 });
    await join('t2', 'f');
    sqlite.exec("UPDATE node_tokens SET revoked_at = 1 WHERE id = 't2'");
    await expect(join('t2', 'g')).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('does not take a name from a node that lives, unless it has the same key', async () => {
    const { join, living, sqlite } = await setup();
    const { id } = await join('t1');
    const beat = { id, silentMs: 5_999, heartbeat: { state: 'ready', url: 'http://first.example.com' } };
    living.push(beat);
    expect((await join('t2')).id).toBe(id);
    sqlite.exec(`UPDATE nodes SET public_key = '${JSON.stringify({ kty: 'OKP', crv: 'Ed25519', x: 'another' })}'`);
    const refused = join('t3');
    await expect(refused).rejects.toMatchObject({ code: 'name_taken' });
    await expect(refused).rejects.toThrow('at http://first.example.com: give this one another (--name)');
    expect(sqlite.prepare("SELECT used FROM node_tokens WHERE id = 't3'").get()).toEqual({ used: 0 });
    beat.silentMs = 6_000;
    expect((await join('t3')).id).toBe(id);
  });

  it('does not end the credential of another process with the same key while that reports, only its own', async () => {
    const { join, living, valid, sqlite } = await setup();
    sqlite.exec("UPDATE node_tokens SET uses = 9 WHERE id = 't1'");
    const { id } = await join('t1', 'n1', 'one');
    const heartbeat = { state: 'ready', url: 'http://first.example.com', instance: 'one' };
    const beat = { id, silentMs: 5_999, heartbeat };
    living.push(beat);
    await expect(join('t1', 'n1', 'two')).rejects.toMatchObject({
      code: 'name_taken',
      message: expect.stringContaining('from http://first.example.com: stop one of the two'),
    });
    expect(sqlite.prepare("SELECT used FROM node_tokens WHERE id = 't1'").get()).toEqual({ used: 1 });
    await join('t1', 'n1', 'one');
    heartbeat.state = 'stopped';
    await join('t1', 'n1', 'two');
    heartbeat.state = 'ready';
    beat.silentMs = 6_000;
    await join('t1', 'n1', 'three');
    expect(valid()).toEqual([{ node: id }]);
  });

  it('never brings back the id of a node that is removed meanwhile', async () => {
    const { join, sqlite, gateway, valid } = await setup();
    const { id } = await join('t1');
    const batch = gateway.db.batch.bind(gateway.db);
    let removed = false;
    gateway.db.batch = (async (statements: never) => {
      if (!removed) sqlite.exec('DELETE FROM nodes');
      removed = true;
      return await batch(statements);
    }) as never;
    const again = await join('t2');
    expect(again.id).not.toBe(id);
    expect(valid().at(-1)).toEqual({ node: again.id });
  });
});
