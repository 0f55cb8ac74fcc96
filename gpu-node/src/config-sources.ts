/** Settings as flags and environment state them, each value with the name of where it came from. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { nearest } from './nearest.ts';
import { CONFIG_ENV, CONFIG_FLAG, type Key, SETTINGS, type Setting } from './settings.ts';

export const ALL = Object.entries(SETTINGS) as [Key, Setting][];

/** As gateways make them: a token, a credential, a key. */
const SECRET = /(?:lnt|lnc|lep)_/;

/** One setting as one source states it. */
export interface Given {
  key: Key;
  value: string | string[];
  /** `--port`, `LEPTON_NODE_PORT`, `gpu-node.yaml: port` */
  source: string;
}

export interface Flags {
  given: Given[];
  problems: string[];
  help: boolean;
  check: boolean;
  /** The path of a file of settings. */
  file: string | undefined;
}

export function readFlags(args: readonly string[]): Flags {
  const options: ParseArgsOptionsConfig = {
    help: { type: 'boolean', short: 'h' },
    'check-config': { type: 'boolean' },
  };
  const valued = [...ALL.map(([, { flag }]) => flag), CONFIG_FLAG];
  for (const flag of valued) options[flag] = { type: 'string', multiple: true };
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const flags: Flags = { given: [], problems: [], help: false, check: false, file: undefined };
  const byKey = new Map<Key, Given>();
  for (const token of tokens) {
    if (token.kind === 'positional') flags.problems.push(unexpected(token.value, args[token.index - 1]));
    if (token.kind !== 'option') continue;
    const [key, setting] = ALL.find(([, { flag }]) => flag === token.name) ?? [];
    if (token.name === 'help') flags.help = true;
    else if (token.name === 'check-config') flags.check = true;
    else if (options[token.name] === undefined) flags.problems.push(unknownOption(token.rawName, Object.keys(options)));
    else if (token.value === undefined) {
      flags.problems.push(`--${token.name}: expected ${setting?.value ?? 'FILE'} after it`);
    } else if (!key) flags.file = token.value;
    else {
      const before = setting?.multiple ? (byKey.get(key)?.value ?? []) : undefined;
      const value = before === undefined ? token.value : [...before, token.value];
      byKey.set(key, { key, value, source: `--${token.name}` });
    }
  }
  flags.given.push(...byKey.values());
  return flags;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** An empty variable states nothing. */
export function readEnvironment(env: Environment): { given: Given[]; file: string | undefined } {
  const given = ALL.flatMap(([key, { env: name, multiple }]) => {
    const value = env[name];
    return value ? [{ key, value: multiple ? value.split(',') : value, source: name }] : [];
  });
  return { given, file: env[CONFIG_ENV] || undefined };
}

/** @param before the argument before it */
function unexpected(argument: string, before = ''): string {
  // It may be a token that a space was typed before.
  if (/^--[^=]+=$/.test(before))
    return `${before} has nothing behind the "=", and an argument that is not shown follows`;
  return `unexpected argument ${SECRET.test(argument) ? 'that looks like a secret' : JSON.stringify(argument)}`;
}

function unknownOption(rawName: string, names: readonly string[]): string {
  const name = nearest(rawName.replace(/^-+/, ''), names);
  const shown = SECRET.test(rawName) ? 'that looks like a secret' : rawName;
  return `unknown option ${shown}: ${name === undefined ? 'see --help' : `did you mean --${name}?`}`;
}
