/** The file of profiles: gateways with their keys, readable by its owner only. */
import { randomUUID } from 'node:crypto';
import { chmod, mkdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { platform } from 'node:os';
import { dirname } from 'node:path';
import { Failure } from './failure.ts';

interface Profile {
  url: string;
  key: string;
}

export interface Profiles {
  /** The one that is used when none is named. */
  current?: string | undefined;
  profiles: Record<string, Profile>;
}

/** No file: no profiles. @throws Failure for a file that others may read, or that is not ours. */
export async function readProfiles(path: string): Promise<Profiles> {
  let text: string;
  try {
    const { mode } = await stat(path);
    if (platform() !== 'win32' && (mode & 0o077) !== 0) {
      throw new Failure(`${path} holds keys and may be read by other users`, {
        code: 'profiles_exposed',
        hint: `close it with: chmod 600 ${path}`,
      });
    }
    text = await readFile(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { profiles: {} };
    throw error;
  }
  const profiles = parse(text);
  if (!profiles) {
    throw new Failure(`${path} is not a file of profiles`, {
      code: 'profiles_broken',
      hint: 'move it away and sign in again with `lepton login`',
    });
  }
  return profiles;
}

/** Replaces the file in one step, mode 600. */
export async function writeProfiles(path: string, profiles: Profiles): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const draft = `${path}.${randomUUID()}`;
  try {
    await writeFile(draft, `${JSON.stringify(profiles, null, 2)}\n`, { mode: 0o600, flag: 'wx' });
    await chmod(draft, 0o600);
    await rename(draft, path);
  } catch (error) {
    await rm(draft, { force: true });
    throw error;
  }
}

function parse(text: string): Profiles | undefined {
  let value: Partial<Profiles> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  const { current, profiles } = value ?? {};
  if (typeof profiles !== 'object' || profiles === null) return undefined;
  if (current !== undefined && typeof current !== 'string') return undefined;
  const isWhole = (profile: Partial<Profile> | null) =>
    typeof profile?.url === 'string' && typeof profile.key === 'string';
  return Object.values(profiles).every(isWhole) ? { current, profiles } : undefined;
}
