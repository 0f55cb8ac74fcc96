/** Decides which gateway and which key a command uses: flags, then environment, then profiles. */
import { readFile } from 'node:fs/promises';
import type { Environment } from './config.ts';
import { Failure, UsageError } from './failure.ts';
import { type Profiles, readProfiles } from './profiles.ts';

export interface ConnectionFlags {
  url?: string | undefined;
  keyFile?: string | undefined;
  profile?: string | undefined;
}

export interface Connection {
  url: string;
  key?: string | undefined;
  urlFrom: string;
  keyFrom?: string | undefined;
  /** The profile that gave the URL or the key. */
  profile?: string | undefined;
}

/** A key from a profile is used with that profile's gateway only: no other host ever sees it. */
export async function resolveConnection(flags: ConnectionFlags, environment: Environment): Promise<Connection> {
  const profiles = await readProfiles(environment.profilesPath);
  const { name, profile } = chosenProfile(flags, profiles);
  const [url, urlFrom] = flags.url
    ? [gatewayUrl(flags.url), '--url']
    : flags.profile === undefined && environment.url
      ? [gatewayUrl(environment.url), 'LEPTON_URL']
      : [profile && gatewayUrl(profile.url), `profile ${name}`];
  if (url === undefined) {
    throw new UsageError('no gateway is known', 'sign in with `lepton login`, or give --url or LEPTON_URL');
  }
  if (flags.keyFile !== undefined)
    return { url, urlFrom, key: await readKeyFile(flags.keyFile), keyFrom: '--key-file' };
  if (environment.key !== undefined && flags.profile === undefined) {
    return { url, urlFrom, key: environment.key, keyFrom: 'LEPTON_KEY' };
  }
  const owner = [name, ...Object.keys(profiles.profiles)].find(
    (candidate) => candidate !== undefined && profiles.profiles[candidate]?.url === url,
  );
  if (owner === undefined) return { url, urlFrom };
  return { url, urlFrom, key: profiles.profiles[owner]?.key, keyFrom: `profile ${owner}`, profile: owner };
}

/** @throws UsageError for what is no http(s) address. */
export function gatewayUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !/^https?:$/.test(url.protocol) || url.username || url.search || url.hash) {
    throw new UsageError(`expected a URL such as http://127.0.0.1:8787, got ${JSON.stringify(text)}`);
  }
  return url.href.replace(/\/+$/, '');
}

export async function readKeyFile(path: string): Promise<string> {
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (cause) {
    throw new UsageError(`--key-file: ${(cause as Error).message}`);
  }
  return asKey(text, path);
}

/** @throws Failure for text that cannot be a key. */
export function asKey(text: string, from: string): string {
  const key = text.trim();
  if (/^[\x21-\x7e]{8,500}$/.test(key)) return key;
  throw new Failure(`${from} holds no API key: expected one line without spaces`, { code: 'no_key' });
}

function chosenProfile(flags: ConnectionFlags, { current, profiles }: Profiles) {
  const name = flags.profile ?? current;
  const profile = name === undefined ? undefined : profiles[name];
  if (flags.profile !== undefined && !profile && flags.url === undefined) {
    const known = Object.keys(profiles).join(', ') || 'none yet';
    throw new UsageError(`there is no profile ${JSON.stringify(flags.profile)}: known are ${known}`);
  }
  return { name, profile };
}
