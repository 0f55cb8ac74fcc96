/** Which gateway and key are used, and that a key goes to its own gateway only; the file of profiles on a real disk. */
import { chmod, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { readEnvironment } from './config.ts';
import { gatewayUrl, resolveConnection } from './connection.ts';
import { readProfiles, writeProfiles } from './profiles.ts';

const HOME = 'http://home.example';
const WORK = 'https://work.example';

let folder: string;
let path: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-cli-'));
  path = readEnvironment({ XDG_CONFIG_HOME: folder }).profilesPath;
});
afterEach(() => rm(folder, { recursive: true }));

const store = () =>
  writeProfiles(path, {
    current: 'home',
    profiles: { home: { url: HOME, key: 'lep_home' }, work: { url: WORK, key: 'lep_work' } },
  });

describe('profiles', () => {
  it('are kept where the environment says, for their owner only', async () => {
    expect(path).toBe(join(folder, 'lepton', 'profiles.json'));
    expect(await readProfiles(path)).toEqual({ profiles: {} });
    await store();
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect((await readProfiles(path)).profiles.work).toEqual({ url: WORK, key: 'lep_work' });
    expect(await readdir(dirname(path))).toEqual(['profiles.json']);
  });

  it('are not read from a file that others may read, nor from something else', async () => {
    await store();
    await chmod(path, 0o640);
    await expect(readProfiles(path)).rejects.toThrow('may be read by other users');
    for (const text of ['', 'null', '{"profiles": {"a": {"url": 1}}}', '[]']) {
      await writeFile(path, text);
      await chmod(path, 0o600);
      await expect(readProfiles(path), text).rejects.toThrow('is not a file of profiles');
    }
  });

  it('are never looked for under a relative folder', () => {
    expect(readEnvironment({ XDG_CONFIG_HOME: 'relative' }).profilesPath).not.toContain('relative');
  });
});

describe('resolveConnection', () => {
  it('takes flags before the environment, and that before the profile', async () => {
    await store();
    const keyFile = join(folder, 'key');
    await writeFile(keyFile, 'lep_filed\n');
    const environment = { url: 'http://env.example', key: 'lep_environment', profilesPath: path };
    expect(await resolveConnection({}, { profilesPath: path })).toMatchObject({ url: HOME, key: 'lep_home' });
    expect(await resolveConnection({}, environment)).toMatchObject({
      url: 'http://env.example',
      key: 'lep_environment',
      keyFrom: 'LEPTON_KEY',
    });
    expect(await resolveConnection({ profile: 'work' }, environment)).toMatchObject({ url: WORK, key: 'lep_work' });
    expect(await resolveConnection({ url: WORK, keyFile }, environment)).toMatchObject({ url: WORK, key: 'lep_filed' });
  });

  it('gives the key of a profile to no other gateway', async () => {
    await store();
    const environment = { profilesPath: path };
    expect((await resolveConnection({ url: 'http://other.example' }, environment)).key).toBeUndefined();
    expect((await resolveConnection({ url: WORK, profile: 'home' }, environment)).key).toBe('lep_work');
    expect((await resolveConnection({}, { ...environment, url: `${WORK}/` })).key).toBe('lep_work');
  });

  it('says what is missing', async () => {
    await expect(resolveConnection({}, { profilesPath: path })).rejects.toThrow('no gateway is known');
    await store();
    await expect(resolveConnection({ profile: 'x' }, { profilesPath: path })).rejects.toThrow('known are home, work');
    await expect(resolveConnection({ keyFile: join(folder, 'x') }, { profilesPath: path })).rejects.toThrow('ENOENT');
  });
});

it('takes http and https addresses only', () => {
  expect(gatewayUrl('http://127.0.0.1:8787/')).toBe('http://127.0.0.1:8787');
  for (const wrong of ['127.0.0.1:8787', 'ftp://a', 'http://user:word@a', 'http://a?x=1', '']) {
    expect(() => gatewayUrl(wrong)).toThrow('expected a URL');
  }
});
