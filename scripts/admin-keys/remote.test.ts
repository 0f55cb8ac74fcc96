import { createHash } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { deploy } from '../cloudflare/deploy.ts';
import { StandInAccount } from '../cloudflare/stand-in-account.ts';
import { createRemoteAdminKey } from './remote.ts';

vi.setConfig({ testTimeout: 30_000 });

let account: StandInAccount;
let said: string[];
beforeEach(async () => {
  account = await StandInAccount.create();
  said = [];
});
afterEach(() => account.remove());

async function deployed(): Promise<string> {
  const { root, wrangler } = account;
  const { adminKey = '' } = await deploy({ root, wrangler, buildConsole: async () => {}, say: () => {} });
  return adminKey;
}

async function replace(revokeOthers: boolean): Promise<string> {
  const { root, wrangler } = account;
  const keys: string[] = [];
  const onKey = (secret: string) => keys.push(secret);
  const now = Date.UTC(2026, 10, 21);
  await createRemoteAdminKey({ root, wrangler, revokeOthers, now, onKey, say: (line) => said.push(line) });
  expect(keys).toHaveLength(1);
  return keys[0] ?? '';
}

const live = async () => (await account.query('SELECT hash FROM api_keys WHERE revoked_at IS NULL')).map((r) => r.hash);
const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');

describe('createRemoteAdminKey', () => {
  it('adds a key and leaves the others', async () => {
    const first = await deployed();
    const second = await replace(false);
    expect(new Set(await live())).toEqual(new Set([hash(first), hash(second)]));
    expect(await account.query(`SELECT name FROM api_keys WHERE hash = '${hash(second)}'`)).toEqual([
      { name: 'admin key of 2026-11-21' },
    ]);
    expect(JSON.stringify((await account.calls()).map(({ args }) => args))).not.toContain(second);
  });

  it('revokes the other admin keys when asked to, each in the audit log, and no key of another scope', async () => {
    await deployed();
    await account.execute(
      `INSERT INTO api_keys (id, team_id, name, prefix, hash, scopes, created_at)
       VALUES ('key_app', 'team_default', 'app', 'lep_app', 'app', '["infer"]', 0)`,
    );
    const kept = await replace(true);
    expect(new Set(await live())).toEqual(new Set([hash(kept), 'app']));
    expect(said).toEqual(['revoked 1 other admin key(s): they stop within 10 s']);
    const revoked = await account.query('SELECT id FROM api_keys WHERE revoked_at IS NOT NULL');
    expect(await account.query("SELECT subject FROM audit_log WHERE action = 'key.revoke'")).toEqual(
      revoked.map(({ id }) => ({ subject: `key/${id}` })),
    );
  });

  it('tells to deploy first', async () => {
    await expect(replace(false)).rejects.toThrow('deploy the gateway first with npm run deploy');
  });
});
