import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { homePaths } from '../paths.ts';
import { loadSecrets } from './secrets.ts';

let home: string;
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'lepton-secrets-'));
});
afterEach(() => rm(home, { recursive: true }));

describe('loadSecrets', () => {
  it('makes both once, readable by the owner only', async () => {
    const paths = homePaths(home);
    const first = await loadSecrets(paths);
    expect(await loadSecrets(paths)).toEqual(first);
    expect(await readFile(paths.adminKey, 'utf8')).toBe(`${first.adminKey}\n`);
    expect(JSON.parse(first.gatewayKeys)).toEqual([
      expect.objectContaining({ kty: 'OKP', crv: 'Ed25519', d: expect.any(String), kid: expect.any(String) }),
    ]);
    for (const path of [paths.adminKey, paths.gatewayKeys]) expect((await stat(path)).mode & 0o777).toBe(0o600);
  });

  it('says what to do with a file that holds something else', async () => {
    const paths = homePaths(home);
    await writeFile(paths.adminKey, '');
    await expect(loadSecrets(paths)).rejects.toThrow(`${paths.adminKey} holds no admin key: move it away`);
  });
});
