import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { prepareDatabase } from '../../standalone/src/database/prepare.ts';
import { lockHome } from '../../standalone/src/lock.ts';
import { homePaths, projectPaths } from '../../standalone/src/paths.ts';
import { prepareHome } from '../../standalone/src/preflight.ts';
import { startWorkerd } from '../../standalone/src/processes/workerd.ts';
import { loadSecrets } from '../../standalone/src/secrets/secrets.ts';
import { readNames } from '../cloudflare/deploy-config.ts';
import { createHomeAdminKey } from './home.ts';

vi.setConfig({ testTimeout: 30_000, hookTimeout: 30_000 });

const root = fileURLToPath(new URL('../..', import.meta.url));
const { databaseId } = readNames(root);

let home: string;
let first: string;
let said: string[];
/** What a first npm start leaves in its home. */
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lepton-admin-'));
  const paths = homePaths(home);
  await prepareHome(paths);
  first = (await loadSecrets(paths)).adminKey;
  const { migrations } = projectPaths(root);
  await using duties = new AsyncDisposableStack();
  await prepareDatabase({ databaseId, state: paths.state, migrations, adminKey: first }, (stop) => duties.defer(stop));
  said = [];
});
afterEach(() => rm(home, { recursive: true }));

const create = (revokeOthers: boolean) =>
  createHomeAdminKey({ root, home, revokeOthers, now: Date.now(), say: (line) => said.push(line) });

async function liveHashes(): Promise<unknown[]> {
  await using duties = new AsyncDisposableStack();
  const workers = [
    {
      name: 'database',
      modules: [{ type: 'ESModule' as const, path: 'database.js', contents: 'export default {}' }],
      d1Databases: { DB: databaseId },
    },
  ];
  const workerd = await startWorkerd({ state: homePaths(home).state, workers }, (stop) => duties.defer(stop));
  const database = await workerd.miniflare.getD1Database('DB');
  const { results } = await database.prepare('SELECT hash FROM api_keys WHERE revoked_at IS NULL').all();
  return results.map((row) => row.hash);
}

const readKey = async () => (await readFile(join(home, 'admin.key'), 'utf8')).trim();
const hash = (secret: string) => createHash('sha256').update(secret).digest('hex');

describe('createHomeAdminKey', () => {
  it('puts a new key into admin.key, for its owner only, and leaves the old one working', async () => {
    await create(false);
    const second = await readKey();
    expect(second).not.toBe(first);
    expect((await stat(join(home, 'admin.key'))).mode & 0o777).toBe(0o600);
    expect(new Set(await liveHashes())).toEqual(new Set([hash(first), hash(second)]));
    expect(said.join()).not.toContain(second);
  });

  it('revokes the others when asked to', async () => {
    await create(true);
    expect(await liveHashes()).toEqual([hash(await readKey())]);
    expect(said.at(-1)).toBe('revoked 1 other admin key(s)');
  });

  it('refuses while the gateway runs, and changes nothing', async () => {
    const unlock = await lockHome(homePaths(home).lock, 'http://127.0.0.1:8787');
    await expect(create(true)).rejects.toThrow(
      /already running on this home at http:\/\/127.0.0.1:8787 .*stop it first/,
    );
    await unlock();
    expect(await readKey()).toBe(first);
  });

  it('refuses a home in which no gateway has run', async () => {
    await expect(
      createHomeAdminKey({ root, home: join(home, 'other'), revokeOthers: false, now: 0, say: () => {} }),
    ).rejects.toThrow(/no gateway has run in .*other: npm start/);
  });
});
