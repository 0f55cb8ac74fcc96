import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deploy, dryRun } from './deploy.ts';
import { StandInAccount } from './stand-in-account.ts';

vi.setConfig({ testTimeout: 30_000 });

let account: StandInAccount;
let lines: string[];
beforeEach(async () => {
  account = await StandInAccount.create();
  lines = [];
});
afterEach(() => account.remove());

const options = () => ({
  root: account.root,
  wrangler: account.wrangler,
  buildConsole: async () => {},
  say: (line: string) => lines.push(line),
});
const run = () => deploy(options());
const hash = (secret = '') => createHash('sha256').update(secret).digest('hex');

describe('deploy', () => {
  it('makes everything on the first run, one line a step', async () => {
    const { url, adminKey } = await run();
    const { databases, buckets, secrets } = await account.read();
    expect(databases.map(({ name }) => name)).toEqual(['lepton-edge']);
    expect(buckets).toEqual(['lepton-edge-blobs']);
    expect(JSON.parse(secrets.GATEWAY_KEYS ?? '')).toEqual([
      { kty: 'OKP', crv: 'Ed25519', kid: expect.any(String), x: expect.any(String), d: expect.any(String) },
    ]);
    expect(url).toBe('https://lepton-edge.acme.workers.dev');
    expect(await account.query('SELECT hash, scopes, team_id FROM api_keys')).toEqual([
      { hash: hash(adminKey), scopes: '["admin"]', team_id: 'team_default' },
    ]);
    expect(lines).toEqual([
      'login: op@example.com',
      `D1 database lepton-edge: created, ${databases[0]?.uuid}`,
      'R2 bucket lepton-edge-blobs: created',
      'wrangler.deploy.toml: written, with the id of the database',
      'console: built',
      'migrations: applied',
      'Worker lepton-edge-trial: deployed',
      'Worker lepton-edge: deployed to https://lepton-edge.acme.workers.dev',
      'secret GATEWAY_KEYS: set',
      'admin key: made',
    ]);
  });

  it('writes the id into its own configuration and leaves the committed one', async () => {
    await run();
    const [database] = (await account.read()).databases;
    expect(await readFile(join(account.root, 'wrangler.deploy.toml'), 'utf8')).toContain(
      `database_id = "${database?.uuid}"`,
    );
    expect(await readFile(join(account.root, 'wrangler.toml'), 'utf8')).toBe(await readFile('wrangler.toml', 'utf8'));
  });

  it('changes nothing on the second run', async () => {
    await run();
    const before = await account.read();
    const keys = await account.query('SELECT * FROM api_keys');
    lines = [];
    expect(await run()).toEqual({ url: 'https://lepton-edge.acme.workers.dev', adminKey: undefined });
    expect(await account.read()).toEqual(before);
    expect(await account.query('SELECT * FROM api_keys')).toEqual(keys);
    expect(lines.filter((line) => /created|applied|: set|made/.test(line))).toEqual([]);
  });

  it('shows no secret to command lines, lines or standard input of other calls', async () => {
    const { adminKey } = await run();
    const { d } = JSON.parse((await account.read()).secrets.GATEWAY_KEYS ?? '')[0];
    const calls = await account.calls();
    const shown = JSON.stringify([calls.map(({ args }) => args), lines]);
    expect(shown).not.toContain(adminKey);
    expect(shown).not.toContain(d);
    const withInput = calls.filter(({ input }) => input !== '');
    expect(withInput.map(({ args }) => args.slice(0, 3))).toEqual([['secret', 'put', 'GATEWAY_KEYS']]);
  });

  it('stops at a step that fails with what wrangler wrote, and goes on from there next time', async () => {
    const steps = ['d1 list', 'd1 create', 'r2 bucket list', 'r2 bucket create', 'd1 migrations', 'deploy'];
    for (const step of [...steps, 'secret list', 'secret put', 'd1 execute']) {
      await account.change({ refuses: { [step]: `out of order: ${step}` } });
      await expect(run()).rejects.toMatchObject({
        name: 'Failure',
        message: expect.stringMatching(`failed: wrangler wrote\n\n✘ \\[ERROR\\] out of order: ${step}$`),
      });
      const calls = await account.calls();
      expect(calls.at(-1)?.args.join(' ')).toContain(step);
    }
    await account.change({ refuses: {} });
    expect((await run()).adminKey).toMatch(/^lep_/);
    const { databases, buckets } = await account.read();
    expect([databases.length, buckets.length]).toEqual([1, 1]);
    expect(await account.query('SELECT count(*) AS n FROM api_keys')).toEqual([{ n: 1 }]);
  });

  it('tells how to log in', async () => {
    await account.change({ loggedIn: false });
    await expect(run()).rejects.toThrow(/not logged in .* `npx wrangler login`.*CLOUDFLARE_API_TOKEN.*Workers Paid/);
    expect(await account.files()).toEqual(['migrations', 'wrangler.toml', 'wrangler.trial.toml']);
  });

  it('tells what an account without Workers Paid lacks', async () => {
    const refuses = { deploy: 'CPU limits are not supported for the Free plan. [code: 100328]' };
    await account.change({ refuses });
    await expect(run()).rejects.toThrow(/CPU limits are not supported.*\n\nThe account needs Workers Paid/);
  });

  it('takes a bucket that the list does not reach for found', async () => {
    await account.change({ refuses: { 'r2 bucket create': 'It already exists, and you own it. [code: 10004]' } });
    await run();
    expect(lines).toContain('R2 bucket lepton-edge-blobs: found');
  });

  it('makes an admin key again when the only one was revoked', async () => {
    const first = await run();
    await account.execute('UPDATE api_keys SET revoked_at = 1');
    const second = await run();
    expect(second.adminKey).toBeDefined();
    expect(second.adminKey).not.toBe(first.adminKey);
  });
});

describe('dryRun', () => {
  it('builds, tells the rest, asks nothing of an account and leaves nothing', async () => {
    await account.change({ loggedIn: false });
    await dryRun(options());
    const calls = await account.calls();
    expect(calls.map(({ args }) => args.slice(0, 2))).toEqual([
      ['deploy', '--dry-run'],
      ['deploy', '--dry-run'],
    ]);
    expect(lines).toContain('Worker lepton-edge-trial: built, 14000.00 KiB / gzip: 4000.00 KiB');
    expect(lines).toContain('Worker lepton-edge: built, 14000.00 KiB / gzip: 4000.00 KiB');
    expect(lines.filter((line) => line.startsWith('would '))).toHaveLength(6);
    expect(await account.files()).toEqual(['migrations', 'wrangler.toml', 'wrangler.trial.toml']);
  });

  it('fails with what wrangler wrote', async () => {
    await account.change({ refuses: { deploy: 'Build failed with 1 error' } });
    await expect(dryRun(options())).rejects.toThrow('building the Worker failed: wrangler wrote');
    expect(await account.files()).toEqual(['migrations', 'wrangler.toml', 'wrangler.trial.toml']);
  });
});
