/** The command `lepton` as a process of its own, against the gateway. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { call, client, freshName, newTeamKey } from './support/api.ts';
import { nodeAddress } from './support/hand-made-node.ts';
import { tinyModel } from './support/tiny-model.ts';

const MAIN = fileURLToPath(new URL('../client/src/cli/main.ts', import.meta.url));

let folder: string;
let secret: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-cli-'));
  secret = (await newTeamKey('models:read', 'models:write', 'infer')).secret;
});
afterAll(() => rm(folder, { recursive: true }));

/** @param stdin what it reads there */
async function lepton(args: string[], { key = secret, stdin = '' }: { key?: string | null; stdin?: string } = {}) {
  const env = {
    PATH: process.env.PATH,
    XDG_CONFIG_HOME: folder,
    ...(key === null ? {} : { LEPTON_URL: inject('gatewayUrl'), LEPTON_KEY: key }),
  };
  const child = spawn(process.execPath, [MAIN, ...args], { env, stdio: 'pipe' });
  child.stdin.end(stdin);
  const ended = new Promise<number | null>((resolve) => child.on('exit', resolve));
  const [out, err, code] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { code, out, err };
}

/** The JSON that a command answers; throws its error. */
async function answer(...args: string[]) {
  const { code, out, err } = await lepton([...args, '--json']);
  if (code !== 0) throw new Error(err);
  return JSON.parse(out);
}

async function file(name: string, content: Uint8Array | string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, content);
  return path;
}

describe('lepton', () => {
  it('signs in with a key from stdin, keeps it for its owner only, and forgets it', async () => {
    const url = inject('gatewayUrl');
    const refused = await lepton(['login', '--url', url], { key: null, stdin: 'lep_notakeyatall' });
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('does not take this key') });
    expect(await lepton(['login', '--url', url], { key: null, stdin: `${secret}\n` })).toMatchObject({ code: 0 });
    expect((await stat(join(folder, 'lepton', 'profiles.json'))).mode & 0o777).toBe(0o600);
    const who = await lepton(['whoami'], { key: null });
    expect(who.out).toContain(secret.slice(0, 12));
    expect(who.out).not.toContain(secret);
    expect(await lepton(['models'], { key: null })).toMatchObject({ code: 0 });
    expect(await lepton(['logout'], { key: null })).toMatchObject({ code: 0 });
    expect(await lepton(['models'], { key: null })).toMatchObject({ code: 2 });
  });

  it('pushes a model that is admitted, moves aliases, infers, rolls back', async () => {
    const model = freshName('pushed');
    const first = await file('first.onnx', tinyModel(`${model}-1`));
    const second = await file('second.onnx', tinyModel(`${model}-2`));
    const request = await file(
      'request.json',
      '{"inputs": [{"name": "x", "datatype": "FP32", "shape": [3], "data": [1, 2.5, -3]}]}',
    );

    expect((await lepton(['push', first, '--model', model])).err).toContain('--create makes the model');
    const pushed = await lepton(['push', first, '--model', model, '--create', '--alias', 'production']);
    expect(pushed.out).toMatch(/^state +ready$/m);
    expect(pushed.out).toContain('runs at the edge');
    expect(pushed.out).toContain(`${model}@production points to v1 (revision 1)`);
    expect(await answer('push', second, '--model', model)).toMatchObject({ version: { version: 2, state: 'ready' } });
    const again = await answer('push', second, '--model', model);
    expect(again.files).toMatchObject([{ path: 'second.onnx', sentBytes: 0 }]);

    expect((await lepton(['infer', model, '--input', request])).out).toContain('-1, -2.5, 3');
    expect(await answer('infer', `${model}@2`, '--input', request)).toMatchObject({
      model: `${model}@2`,
      outputs: [{ name: 'y', data: [-1, -2.5, 3] }],
    });

    const split = ['alias', 'set', `${model}@production`, '1:90', '2:10', '--reason', 'try it', '--if-revision', '1'];
    expect((await lepton(split)).out).toContain('points to v1 90 %, v2 10 % (revision 2)');
    const late = await lepton([...split, '--json']);
    expect(late.code).toBe(1);
    expect(JSON.parse(late.err).error).toMatchObject({ code: 'revision_conflict', status: 409 });
    expect(await answer('alias', 'rollback', `${model}@production`, '--reason', 'slow')).toMatchObject({ revision: 3 });
    const moves = await answer('alias', 'history', `${model}@production`);
    expect(moves.items.map((move: { reason: string }) => move.reason)).toEqual(['slow', 'try it', `pushed ${model}@1`]);

    expect((await lepton(['versions', 'archive', `${model}@1`, '--reason', 'old'])).code).toBe(1);
    expect(await answer('versions', 'archive', `${model}@2`, '--reason', 'old')).toMatchObject({ state: 'archived' });
    expect((await lepton(['models', 'delete', model])).err).toContain('--force');
    expect(await answer('models', 'delete', model, '--force')).toEqual({ deleted: model });
  });

  it('sends a file of several parts, and only what is missing of it', async () => {
    const model = freshName('parts');
    await answer('models', 'create', model);
    const weights = randomBytes(40 * 1024 ** 2);
    const big = await file('weights.bin', weights);
    const onnx = await file('model.onnx', tinyModel(model));

    const part = 16 * 1024 ** 2;
    const digest = `sha256:${Buffer.from(await crypto.subtle.digest('SHA-256', weights)).toString('hex')}`;
    const { uploads } = client(secret);
    const begun = await uploads.create({ sizeBytes: weights.byteLength, digest });
    if ('exists' in begun) throw new Error('the bytes were random');
    await uploads.putPart(begun.id, 2, new Uint8Array(weights.subarray(part, 2 * part)));

    const pushed = await answer('push', big, onnx, '--model', model, '--no-wait');
    expect(pushed.files[0]).toEqual({
      path: 'weights.bin',
      digest,
      sizeBytes: weights.byteLength,
      sentBytes: weights.byteLength - part,
    });
  });

  it('says what a key may not do', async () => {
    const { code, err } = await lepton(['keys', 'create', 'x', '--team', 'default', '--scope', 'admin', '--json']);
    expect(code).toBe(1);
    expect(JSON.parse(err).error).toMatchObject({ code: 'missing_scope', status: 403 });
  });

  it('makes a token for several nodes, tells how many joined by it, and ends it', async () => {
    const admin = { key: inject('adminKey') };
    const { id, token } = JSON.parse((await lepton(['node-tokens', 'create', '--uses', '2', '--json'], admin)).out);
    const first = await nodeAddress();
    const join = (name: string) => {
      const { close: _close, ...address } = first;
      return call('POST', '/api/nodes/join', { key: null, body: { token, name, ...address } });
    };
    try {
      expect(await join(freshName('node'))).toMatchObject({ status: 201 });
      const listed = await lepton(['node-tokens', 'list'], admin);
      expect(listed.out.split('\n').find((line) => line.startsWith(id))).toMatch(/1 of 2 .*until/);
      expect(listed.out).not.toContain(token);
      expect(await lepton(['node-tokens', 'revoke', id], admin)).toMatchObject({ code: 0 });
      expect(await join(freshName('node'))).toMatchObject({ status: 401, body: { code: 'unauthenticated' } });
    } finally {
      first.close();
    }
    const refused = await lepton(['node-tokens', 'create', '--uses', '0'], admin);
    expect(refused).toMatchObject({ code: 2, err: expect.stringContaining('--uses') });
  });

  it('sets what a key may use, and shows what it has used', async () => {
    const { id, team } = await newTeamKey('infer');
    const admin = { key: inject('adminKey') };
    const set = await lepton(['keys', 'quota', id, '--requests', '600', '--units', '1000000'], admin);
    expect(set.out).toContain(`${id}: 600 requests a minute, 1000000 units a minute`);
    const listed = await lepton(['keys', 'list', '--team', team], admin);
    expect(listed.out).toContain('600 requests a minute, 1000000 units a minute');
    expect(await lepton(['keys', 'quota', id], admin)).toMatchObject({ code: 2 });
    const usage = await lepton(['keys', 'usage', id, '--from', '2027-01-01', '--to', '2027-01-31'], admin);
    expect(usage.out).toContain('nothing from 2027-01-01 to 2027-01-31');
  });
});
