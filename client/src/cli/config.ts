/** What the command takes from the environment: the only place that reads it. */
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';

export interface Environment {
  /** `LEPTON_URL` */
  url?: string | undefined;
  /** `LEPTON_KEY` */
  key?: string | undefined;
  profilesPath: string;
}

export function readEnvironment(env: Readonly<Record<string, string | undefined>> = process.env): Environment {
  // A relative path there is to be ignored. Source: XDG Base Directory Specification 0.8.
  const given = env.XDG_CONFIG_HOME;
  const folder = given && isAbsolute(given) ? given : join(homedir(), '.config');
  return {
    url: env.LEPTON_URL || undefined,
    key: env.LEPTON_KEY?.trim() || undefined,
    profilesPath: join(folder, 'lepton', 'profiles.json'),
  };
}
