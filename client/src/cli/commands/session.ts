/** `lepton login`, `lepton logout`, `lepton whoami` */
import { text as textOf } from 'node:stream/consumers';
import { LeptonClient } from '../../client.ts';
import { GatewayError } from '../../errors.ts';
import type { Command, Context } from '../command.ts';
import { asKey, gatewayUrl, readKeyFile } from '../connection.ts';
import { Failure, UsageError } from '../failure.ts';
import { readProfiles, writeProfiles } from '../profiles.ts';
import { askSecret } from '../prompt.ts';
import { fields } from '../text.ts';

const DEFAULT_PROFILE = 'default';
/** As many characters of a key as the gateway itself shows to recognise it by. */
const PREFIX_LENGTH = 12;
const LOCAL_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);

const login: Command = {
  words: 'login',
  summary: 'try a key on a gateway, and keep both as a profile',
  about:
    'The key is read from --key-file, from stdin, or asked for without showing it; it never stands on the command line.',
  args: [],
  options: {},
  examples: [
    'login --url http://127.0.0.1:8787 --key-file .lepton/admin.key',
    'login --url https://lepton.example.com --profile work',
    'login --url https://lepton.example.com < key.txt',
  ],
  async run(context) {
    const { flags, environment } = context;
    const profiles = await readProfiles(environment.profilesPath);
    const name = profileName(flags.profile ?? DEFAULT_PROFILE);
    const given = flags.url ?? environment.url ?? profiles.profiles[name]?.url;
    if (given === undefined) throw new UsageError('--url URL is needed', 'such as --url http://127.0.0.1:8787');
    const url = gatewayUrl(given);
    const { protocol, hostname } = new URL(url);
    if (protocol === 'http:' && !LOCAL_HOSTS.has(hostname)) {
      context.note(`warning: ${url} is not https: the key travels in clear text`);
    }
    const key = await readKey(context, url);
    const canList = await tryKey(url, key, context.signal);
    await writeProfiles(environment.profilesPath, {
      current: name,
      profiles: { ...profiles.profiles, [name]: { url, key } },
    });
    const answer = { profile: name, url, keyPrefix: key.slice(0, PREFIX_LENGTH), storedIn: environment.profilesPath };
    const limits = canList ? '' : '; the key may not list models';
    return { json: answer, text: `signed in to ${url} as profile ${name}${limits}` };
  },
};

const logout: Command = {
  words: 'logout',
  summary: 'forget a profile and its key',
  about: 'The key itself stays valid: `lepton keys revoke` ends it.',
  args: [],
  options: {},
  examples: ['logout', 'logout --profile work'],
  async run({ flags, environment }) {
    const { current, profiles } = await readProfiles(environment.profilesPath);
    const name = flags.profile ?? current;
    if (name === undefined || !Object.hasOwn(profiles, name)) {
      throw new Failure(name === undefined ? 'no profile is stored' : `there is no profile ${JSON.stringify(name)}`, {
        code: 'no_profile',
      });
    }
    const { [name]: _, ...rest } = profiles;
    await writeProfiles(environment.profilesPath, {
      current: current === name ? Object.keys(rest)[0] : current,
      profiles: rest,
    });
    return { json: { removed: name }, text: `profile ${name} is forgotten` };
  },
};

const whoami: Command = {
  words: 'whoami',
  summary: 'show which gateway and which key the commands use',
  args: [],
  options: {},
  examples: ['whoami', 'whoami --profile work'],
  async run(context) {
    const { url, urlFrom, key, keyFrom, profile } = await context.connection();
    const { current, profiles } = await readProfiles(context.environment.profilesPath);
    const keyPrefix = key?.slice(0, PREFIX_LENGTH);
    const names = Object.keys(profiles).map((name) => (name === current ? `${name} (current)` : name));
    return {
      json: { url, urlFrom, keyPrefix, keyFrom, profile, current, profiles: Object.keys(profiles) },
      text: fields([
        ['gateway', `${url} (${urlFrom})`],
        ['key', keyPrefix === undefined ? 'none: `lepton login` stores one' : `${keyPrefix}… (${keyFrom})`],
        ['profiles', names.join(', ') || undefined],
      ]),
    };
  },
};

export const SESSION_COMMANDS = [login, logout, whoami];

async function readKey(context: Context, url: string): Promise<string> {
  if (context.flags.keyFile !== undefined) return readKeyFile(context.flags.keyFile);
  if (context.stdin.isTTY) {
    return asKey(await askSecret(`API key of ${url}: `, context.stdin, context.write), 'what was typed');
  }
  return asKey(await textOf(context.stdin), 'stdin');
}

/**
 * Answers whether the key may list models, too: a key for inference only is a good key.
 * @throws Failure when the gateway does not take it
 */
async function tryKey(url: string, key: string, signal: AbortSignal): Promise<boolean> {
  try {
    const page = await new LeptonClient({ baseUrl: url, key }).models.list({ limit: 1, signal });
    if (Array.isArray(page.items)) return true;
    throw new Failure(`${url} is not a Lepton Edge gateway`, { code: 'not_a_gateway', hint: 'check the URL' });
  } catch (error) {
    if (!(error instanceof GatewayError)) throw error;
    if (error.code === 'missing_scope') return false;
    if (error.status === 401) {
      throw new Failure(`${url} does not take this key`, {
        code: 'unauthenticated',
        hint: 'check that it was copied whole, and neither revoked nor expired; nothing was stored',
      });
    }
    throw error;
  }
}

function profileName(name: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/.test(name)) return name;
  throw new UsageError(`--profile: expected a name of letters, digits, ".", "_" and "-", got ${JSON.stringify(name)}`);
}
