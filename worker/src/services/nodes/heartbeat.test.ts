import { type Heartbeat, NODE_LOST_AFTER_MS } from '@lepton-edge/protocol';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../../test/support/d1-on-sqlite.ts';
import type { Gateway, ServiceContext } from '../../context.ts';
import { openDatabase } from '../../db/database.ts';
import { hashSecret } from '../../db/secrets.ts';
import { Roster } from '../../hubs/roster.ts';
import { takeHeartbeat } from './heartbeat.ts';
import { joinNode } from './join.ts';
import { issueCredential, requestRotation } from './rotate.ts';

const DAY_MS = 24 * 60 * 60 * 1000;

/** A node that has joined; `proofs` tells which addresses prove to be its own. */
async function setup() {
  const { sqlite, binding } = openD1();
  const clock = { ms: Date.now() };
  sqlite
    .prepare("INSERT INTO node_tokens (id, hash, created_at, created_by, expires_at) VALUES ('t', ?, 0, 'key_1', 9e15)")
    .run(await hashSecret('t'));
  const { privateKey, publicKey } = await generateKeyPair('EdDSA', { extractable: true });
  const { x = '' } = await exportJWK(publicKey);
  const roster = new Roster([], () => clock.ms);
  const challenged: string[] = [];
  const node = { clockMs: 0, silent: new Set<string>() };
  const gateway = {
    settings: { allowPrivateNodes: true },
    db: openDatabase(binding as D1Database),
    now: () => clock.ms,
    fleet: {
      find: async (id: string) => roster.find(id),
      isOlder: async (id: string, instance?: string) => roster.isOlder(id, instance),
      heartbeat: async (...report: Parameters<Roster['heartbeat']>) => roster.heartbeat(...report).received,
    },
    directory: { forgetKey: () => undefined },
    fetch: async (url: string, { body }: { body: string }) => {
      challenged.push(url);
      if ([...node.silent].some((address) => url.startsWith(address))) throw new Error('no answer');
      const { nonce, audience } = JSON.parse(body);
      const iat = Math.floor((clock.ms + node.clockMs) / 1000);
      const proof = new SignJWT({ nonce }).setProtectedHeader({ alg: 'EdDSA' }).setAudience(audience).setIssuedAt(iat);
      return Response.json({ proof: await proof.setExpirationTime(iat + 60).sign(privateKey) });
    },
  } as unknown as Gateway;
  const input = {
    token: 't',
    name: 'n1',
    url: 'http://first',
    publicKey: { kty: 'OKP', crv: 'Ed25519', x } as const,
    labels: {},
  };
  const join = () => joinNode(gateway, 'https://gateway', input);
  const contextOf = (keyId: string, id: string) =>
    ({
      gateway,
      principal: { keyId, teamId: 'team_default', nodeId: id, scopes: new Set() },
    }) as unknown as ServiceContext;
  const keys = () =>
    sqlite.prepare('SELECT id FROM api_keys WHERE node_id IS NOT NULL AND revoked_at IS NULL ORDER BY id').all() as {
      id: string;
    }[];
  const actions = () =>
    sqlite
      .prepare('SELECT action FROM audit_log')
      .all()
      .map(({ action }) => action);
  const urlKept = () => sqlite.prepare('SELECT url FROM nodes').get()?.url;
  const loseDatabase = () => {
    gateway.db.select = () => {
      throw new Error('D1_ERROR: it is away');
    };
  };
  return { clock, join, contextOf, keys, challenged, node, roster, actions, urlKept, loseDatabase };
}

async function joined() {
  const made = await setup();
  const { id } = await made.join();
  const [key] = made.keys();
  const report = (changes: Partial<Heartbeat> = {}, keyId = String(key?.id)) =>
    takeHeartbeat(made.contextOf(keyId, id), id, {
      ...{ url: 'http://first', instance: '1', softwareVersion: '0', state: 'ready', engines: [], loaded: [] },
      ...{ inFlight: 0, queued: 0, rssBytes: 0 },
      ...changes,
    });
  return { ...made, id, key: String(key?.id), report };
}

describe('a changed address', () => {
  it('is proven once before it is used, and the credential stays', async () => {
    const { report, challenged, roster, actions, urlKept, keys, key } = await joined();
    await report();
    for (let i = 0; i < 3; i++) await report({ url: 'http://second', instance: '2' });
    expect(challenged.filter((url) => url.startsWith('http://second'))).toHaveLength(1);
    expect(roster.heard()).toMatchObject([{ heartbeat: { url: 'http://second' } }]);
    expect([actions(), urlKept(), keys()]).toEqual([['node.join', 'node.move'], 'http://second', [{ id: key }]]);
  });

  it('that is not the node’s own changes nothing', async () => {
    const { report, node, roster, urlKept } = await joined();
    await report();
    node.silent.add('http://second');
    const refused = report({ url: 'http://second', instance: '2' });
    await expect(refused).rejects.toMatchObject({ code: 'node_unverified' });
    expect(roster.heard()).toMatchObject([{ heartbeat: { url: 'http://first' } }]);
    expect(urlKept()).toBe('http://first');
  });

  it('of an older process with the same identity is not even asked', async () => {
    const { report, challenged, urlKept, clock } = await joined();
    await report({ url: 'http://second', instance: '2' });
    const before = challenged.length;
    expect(await report({ instance: '1' })).toMatchObject({ duplicate: { url: 'http://second', newer: false } });
    expect([challenged.length, urlKept()]).toEqual([before, 'http://second']);
    clock.ms += NODE_LOST_AFTER_MS;
    await report({ instance: '1' });
    expect(urlKept()).toBe('http://first');
  });
});

describe('a database that is away', () => {
  it('leaves nodes that report what they were, and refuses what it cannot check', async () => {
    const { report, clock, roster, loseDatabase } = await joined();
    await report({ region: 'eu' });
    loseDatabase();
    clock.ms += NODE_LOST_AFTER_MS - 1;
    expect(await report({ inFlight: 3, region: 'us' })).toMatchObject({ drained: false });
    clock.ms += NODE_LOST_AFTER_MS - 1;
    expect(roster.heard()).toMatchObject([{ region: 'eu', drained: false, heartbeat: { inFlight: 3 } }]);
    await expect(report({ url: 'http://second' })).rejects.toThrow('D1_ERROR');
  });

  it('lets in nobody whom no report made known', async () => {
    const { report, roster, loseDatabase } = await joined();
    loseDatabase();
    await expect(report()).rejects.toThrow('D1_ERROR');
    expect(roster.list()).toEqual([]);
  });
});

describe('region and labels', () => {
  it('are those that the node says now', async () => {
    const { report, actions, roster } = await joined();
    for (let i = 0; i < 2; i++) await report({ region: 'eu', labels: { zone: 'a' } });
    expect(roster.list()).toMatchObject([{ region: 'eu' }]);
    expect(actions()).toEqual(['node.join', 'node.update']);
  });
});

describe('a node’s credential', () => {
  it('is replaced once a day, and the old one counts until the new one is used', async () => {
    const { report, clock, contextOf, id, key, keys } = await joined();
    clock.ms += DAY_MS;
    expect((await report()).rotate).toBe(false);
    clock.ms += 1;
    expect((await report()).rotate).toBe(true);
    expect((await report({ state: 'draining' })).rotate).toBe(false);
    // The first is lost on its way; the node asks again.
    await issueCredential(contextOf(key, id), id);
    clock.ms += 1;
    await issueCredential(contextOf(key, id), id);
    expect((await report()).rotate).toBe(true);
    const next = String(keys().find((one) => one.id !== key)?.id);
    expect(
      keys()
        .map((one) => one.id)
        .sort(),
    ).toEqual([key, next].sort());
    expect((await report({}, next)).rotate).toBe(false);
    expect(keys()).toEqual([{ id: next }]);
    await expect(issueCredential(contextOf(key, id), id)).rejects.toMatchObject({ code: 'unauthenticated' });
    expect(keys()).toEqual([{ id: next }]);
  });

  it('is replaced when an operator asks, by the newer of two processes', async () => {
    const { report, clock, contextOf, id } = await joined();
    await report({ instance: '2' });
    clock.ms += 1;
    await requestRotation(contextOf('key_admin', id), id);
    expect((await report({ instance: '1' })).rotate).toBe(false);
    expect((await report({ instance: '2' })).rotate).toBe(true);
  });
});

describe('a node whose clock is wrong', () => {
  it('joins when it is minutes wrong, and is told when it is more', async () => {
    for (const minutes of [-14, 14]) {
      const { node, join } = await setup();
      node.clockMs = minutes * 60_000;
      await expect(join()).resolves.toMatchObject({ credential: expect.any(String) });
    }
    const { node, join } = await setup();
    node.clockMs = -3 * 3_600_000;
    await expect(join()).rejects.toThrow(/the clock of the node at http:\/\/first is 180 minutes behind the gateway's/);
  });
});
