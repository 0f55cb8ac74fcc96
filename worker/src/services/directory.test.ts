import type { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { openD1 } from '../../../test/support/d1-on-sqlite.ts';
import { ColoCache } from '../cache/colo-cache.ts';
import { openDatabase } from '../db/database.ts';
import { Directory } from './directory.ts';

const manifest = {
  task: 'tensor',
  format: 'onnx',
  files: [{ path: 'model.onnx', digest: 'sha256:f', sizeBytes: 1 }],
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
  outputs: [],
  preprocessing: { grants: [['a', 'b']], scopes: { nested: null } },
  placement: { policy: 'auto' },
  cache: { ttlSeconds: 60, scope: 'team' },
  stateful: false,
};

function fill(sqlite: DatabaseSync) {
  sqlite.exec(`
    INSERT INTO teams (id, name, created_at) VALUES ('t', 'team', 0), ('u', 'other', 0);
    INSERT INTO api_keys (id, team_id, name, prefix, hash, scopes, created_at)
      VALUES ('k', 't', 'key', 'lep_', 'hash', '["infer","models:read"]', 0);
    INSERT INTO models (id, name, team_id, task, visibility, labels, created_at, created_by)
      VALUES ('m', 'model', 't', 'tensor', 'private', '{}', 0, 'k');
    INSERT INTO grants (model_id, team_id, access, created_at, created_by) VALUES ('m', 'u', 'infer', 0, 'k');
    INSERT INTO artifacts (digest, key, size_bytes, created_at) VALUES ('sha256:f', 'objects/1', 1, 0);
    INSERT INTO aliases (model_id, alias, revision, targets, protected, reason, updated_at, updated_by)
      VALUES ('m', 'production', 1, '[{"version":1,"weight":1}]', 0, 'r', 0, 'k');
  `);
  sqlite
    .prepare(
      `INSERT INTO versions (id, model_id, version, state, digest, size_bytes, manifest, created_at, created_by)
       VALUES ('v', 'm', 1, 'ready', 'sha256:v', 1, ?, 0, 'k')`,
    )
    .run(JSON.stringify(manifest));
  sqlite.exec("INSERT INTO version_files (version_id, path, digest) VALUES ('v', 'model.onnx', 'sha256:f')");
}

/** A registry in D1 that can be taken away, and isolates of a colo. */
function newColo() {
  const { sqlite, binding } = openD1();
  fill(sqlite);
  const world = { now: 1_000_000, away: false, reads: 0 };
  const db = openDatabase(
    new Proxy(binding as D1Database, {
      get(target, name, receiver) {
        world.reads++;
        if (world.away) throw new Error('D1_ERROR: Network connection lost.');
        return Reflect.get(target, name, receiver);
      },
    }),
  );
  const stored = new Map<string, Uint8Array<ArrayBuffer>>();
  const open = async () => ({
    match: async (url: string) => stored.has(url) && new Response(stored.get(url)),
    put: async (url: string, response: Response) => void stored.set(url, new Uint8Array(await response.arrayBuffer())),
  });
  const pending: Promise<unknown>[] = [];
  const waitUntil = (promise: Promise<unknown>) => void pending.push(promise);
  const newIsolate = () => {
    const colo = new ColoCache({ open: open as never, secret: 's', warn: (...args) => expect(args).toEqual([]) });
    colo.useOrigin('https://gateway.example');
    const directory = new Directory(db, () => world.now, colo);
    const look = async () => {
      const key = await directory.key('hash', waitUntil);
      if (!key) return undefined;
      const resolved = await directory.resolve(
        { model: 'model', alias: undefined, version: undefined },
        key,
        0,
        waitUntil,
      );
      while (pending.length > 0) await Promise.all(pending.splice(0));
      return { key, ...resolved };
    };
    return { directory, look };
  };
  return { sqlite, world, stored, newIsolate };
}

describe('how many items share a run of a version', () => {
  const report = { loadMs: 1, runMs: 1, perItemMs: { 1: 90, 4: 60, 8: 50 }, deterministic: true, shapes: {} };
  const free = { name: 'x', datatype: 'FP32', shape: [-1] };
  const sizesOf = async (admission: object, changes: object = {}) => {
    const { sqlite, newIsolate } = newColo();
    const changed = { ...manifest, inputs: [free], outputs: [{ ...free, name: 'y' }], ...changes };
    sqlite
      .prepare('UPDATE versions SET manifest = ?, admission = ?')
      .run(JSON.stringify(changed), JSON.stringify(admission));
    const version = (await newIsolate().look())?.version;
    return [version?.maxBatchSize, version?.edgeBatchSize];
  };
  const invariant = { ...report, batchInvariant: true };

  it('is what was measured, at the edge no more than were tried', async () => {
    const measured = { node: { ...invariant, perItemMs: { 1: 9, 4: 7, 8: 5 } }, edge: invariant };
    expect(await sizesOf({ ...measured, batching: { maxBatchSize: 8 } })).toEqual([20, 8]);
    expect(await sizesOf({})).toEqual([1, 1]);
  });

  it('is what the manifest states, but for where a batch changes answers', async () => {
    const batching = { maxBatchSize: 100, maxDelayMs: 0 };
    expect(await sizesOf({ edge: invariant }, { batching })).toEqual([100, 64]);
    expect(await sizesOf({ edge: { ...report, batchInvariant: false } }, { batching })).toEqual([1, 1]);
    expect(await sizesOf({ edge: invariant }, { batching, stateful: true })).toEqual([1, 1]);
  });
});

describe('what the isolates of a colo know', () => {
  it('comes to a new one whole, also while the database is away', async () => {
    const { world, stored, newIsolate } = newColo();
    const known = await newIsolate().look();
    expect(known?.key.scopes).toEqual(new Set(['infer', 'models:read']));
    expect(known?.model.grants).toEqual(new Map([['u', 'infer']]));
    expect(known?.version.manifest).toEqual(manifest);
    expect(stored.size).toBe(3);
    world.away = true;
    const young = newIsolate();
    expect(await young.look()).toEqual(known);
    world.now += 3_000_000;
    expect(await young.look()).toEqual(known);
    expect(await newIsolate().look()).toEqual(known);
    world.now += 1_000_000;
    await expect(newIsolate().look()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('does not keep a key that was revoked meanwhile, nor an alias that was moved', async () => {
    const { sqlite, world, newIsolate } = newColo();
    const [one, other] = [newIsolate(), newIsolate()];
    await one.look();
    sqlite.exec('UPDATE aliases SET targets = \'[{"version":2,"weight":1}]\'');
    world.now += 8_001;
    await expect(other.look()).rejects.toMatchObject({ code: 'version_not_found' });
    await expect(one.look()).rejects.toMatchObject({ code: 'version_not_found' });
    sqlite.exec('UPDATE api_keys SET revoked_at = 1');
    world.now += 8_001;
    expect([await one.look(), await other.look()]).toEqual([undefined, undefined]);
  });

  it('has no secret and no name in it', async () => {
    const { stored, newIsolate } = newColo();
    await newIsolate().look();
    for (const url of stored.keys()) expect(url).toMatch(/^https:\/\/gateway\.example\/\.lepton\/1\/[0-9a-f]{64}$/);
  });
});

describe('many keys and models in use', () => {
  it('are read together while nobody waits for them, and each is what it became', async () => {
    const { sqlite, world, newIsolate } = newColo();
    const numbers = Array.from({ length: 40 }, (_, i) => i);
    for (const i of numbers) {
      sqlite.exec(`
        INSERT INTO api_keys (id, team_id, name, prefix, hash, scopes, created_at)
          VALUES ('k${i}', 't', 'key', 'lep_', 'hash${i}', '["infer"]', 0);
        INSERT INTO models (id, name, team_id, task, visibility, labels, created_at, created_by)
          VALUES ('m${i}', 'model${i}', 't', 'tensor', 'private', '{}', 0, 'k');
        INSERT INTO versions (id, model_id, version, state, digest, size_bytes, manifest, created_at, created_by)
          SELECT 'v${i}-' || n, 'm${i}', n, 'ready', 'd', 1, '{}', 0, 'k' FROM (SELECT 1 AS n UNION SELECT ${i + 2});
        INSERT INTO grants (model_id, team_id, access, created_at, created_by) VALUES ('m${i}', 'u', 'infer', 0, 'k');
        INSERT INTO aliases (model_id, alias, revision, targets, protected, reason, updated_at, updated_by)
          VALUES ('m${i}', 'a${i}', 1, '[{"version":1,"weight":1}]', 0, 'r', 0, 'k');
      `);
    }
    const { directory, look } = newIsolate();
    const principal = (await look())?.key;
    if (!principal) throw new Error('no key');
    const pending: Promise<unknown>[] = [];
    const waitUntil = (promise: Promise<unknown>) => void pending.push(promise);
    const ask = async (i: number) => {
      const key = await directory.key(`hash${i}`, waitUntil);
      return { keyId: key?.keyId, ...(await directory.model(`model${i}`, principal, waitUntil)) };
    };
    const askAll = async () => {
      const before = world.reads;
      const answers = await Promise.all(numbers.map(ask));
      await Promise.all(pending.splice(0));
      return { answers, reads: world.reads - before };
    };
    const known = numbers.map((i) => ({
      ...{ keyId: `k${i}`, id: `m${i}`, name: `model${i}`, teamId: 't', visibility: 'private', admitting: undefined },
      ...{ grants: new Map([['u', 'infer']]), newestReady: i + 2 },
      aliases: new Map([[`a${i}`, [{ version: 1, weight: 1 }]]]),
    }));
    const first = await askAll();
    expect(first.answers).toEqual(known);
    sqlite.exec("UPDATE api_keys SET revoked_at = 1 WHERE id = 'k7'; DELETE FROM grants WHERE model_id = 'm8'");
    world.now += 6_000;
    const refreshed = await askAll();
    expect(refreshed.answers).toEqual(known);
    expect(refreshed.reads).toBeLessThan(first.reads / 20);
    const { answers, reads } = await askAll();
    expect(reads).toBe(0);
    expect([answers[7]?.keyId, answers[8]?.grants]).toEqual([undefined, new Map()]);
    // Somebody may have to wait for what is older.
    world.now += 6_001;
    expect((await askAll()).reads).toBe(first.reads);
  });
});
