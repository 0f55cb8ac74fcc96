/** The node's settings, from flags and environment: the only place that reads either. */
import { hostname, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { JoinInput } from '@lepton-edge/protocol';
import { z } from 'zod';

interface Setting {
  flag: string;
  env: string;
  /** What stands for the value in the help text. */
  value: string;
  help: string;
  multiple?: boolean;
}

const SETTINGS = {
  gateway: { flag: 'gateway', env: 'LEPTON_GATEWAY', value: 'URL', help: 'the gateway to join (required)' },
  token: {
    flag: 'token',
    env: 'LEPTON_TOKEN',
    value: 'TOKEN',
    help: 'a one-time join token; prefer the environment, arguments can be read by every user of the machine',
  },
  name: { flag: 'name', env: 'LEPTON_NODE_NAME', value: 'NAME', help: "the node's name; default: the host's" },
  home: {
    flag: 'home',
    env: 'LEPTON_NODE_HOME',
    value: 'DIR',
    help: 'identity, credential and cached models; default: .lepton-node',
  },
  host: { flag: 'host', env: 'LEPTON_NODE_HOST', value: 'ADDR', help: 'address to listen on; default: 127.0.0.1' },
  port: { flag: 'port', env: 'LEPTON_NODE_PORT', value: 'PORT', help: 'port to listen on; default: 0, any free one' },
  url: {
    flag: 'url',
    env: 'LEPTON_NODE_URL',
    value: 'URL',
    help: 'where the gateway reaches this node; default: http://<host>:<port>',
  },
  region: { flag: 'region', env: 'LEPTON_NODE_REGION', value: 'REGION', help: 'where the node stands, such as eu' },
  labels: {
    flag: 'label',
    env: 'LEPTON_NODE_LABELS',
    value: 'K=V',
    help: 'a label, may be repeated; in the environment separated by commas',
    multiple: true,
  },
  modelMemoryMib: {
    flag: 'model-memory-mib',
    env: 'LEPTON_NODE_MODEL_MEMORY_MIB',
    value: 'N',
    help: "bytes of model files kept loaded, in MiB; default: a quarter of the machine's memory, at least 2048",
  },
  maxModels: {
    flag: 'max-models',
    env: 'LEPTON_NODE_MAX_MODELS',
    value: 'N',
    help: 'models kept loaded, each on a thread of its own; default: 32',
  },
  maxDiskMib: {
    flag: 'max-disk-mib',
    env: 'LEPTON_NODE_MAX_DISK_MIB',
    value: 'N',
    help: 'files of models kept on disk, in MiB; the longest unused go first; default: 51200',
  },
  maxQueue: {
    flag: 'max-queue',
    env: 'LEPTON_NODE_MAX_QUEUE',
    value: 'N',
    help: 'requests of one model waiting or running at a time; default: 256',
  },
  trialSeconds: {
    flag: 'trial-seconds',
    env: 'LEPTON_NODE_TRIAL_SECONDS',
    value: 'N',
    help: 'how long the trial of a new version may load, and run; default: 60',
  },
  trialMemoryMib: {
    flag: 'trial-memory-mib',
    env: 'LEPTON_NODE_TRIAL_MEMORY_MIB',
    value: 'N',
    help: "memory that a trial's process may take; default: 8192",
  },
  logLevel: {
    flag: 'log-level',
    env: 'LEPTON_NODE_LOG_LEVEL',
    value: 'LEVEL',
    help: 'debug, info, warn or error; default: info',
  },
} as const satisfies Record<string, Setting>;

type Key = keyof typeof SETTINGS;

const ALL = Object.entries(SETTINGS) as [Key, Setting][];
const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

const httpUrl = z
  .url({ protocol: /^https?$/, error: 'expected a URL such as http://127.0.0.1:8787' })
  .max(500)
  .transform((url) => url.replace(/\/+$/, ''));
const count = (max: number) =>
  z
    .string()
    .regex(/^\d{1,9}$/, 'expected a whole number')
    .transform(Number)
    .pipe(z.number().min(1).max(max));

const Config = z
  .object({
    gateway: httpUrl,
    token: z.string().min(1).max(200).optional(),
    name: JoinInput.shape.name.default(() => hostname().toLowerCase().slice(0, 63)),
    home: z
      .string()
      .min(1)
      .default('.lepton-node')
      .transform((path) => resolve(path)),
    host: z.string().min(1).max(255).default('127.0.0.1'),
    port: z
      .string()
      .regex(/^\d{1,5}$/, 'expected a port from 0 to 65535')
      .default('0')
      .transform(Number)
      .pipe(z.number().max(65_535)),
    url: httpUrl.optional(),
    region: JoinInput.shape.region,
    labels: z
      .array(z.string().regex(/^[^=]{1,63}=.{0,255}$/, 'expected labels of the form key=value'))
      .default([])
      .transform((labels) => Object.fromEntries(labels.map(splitLabel))),
    modelMemoryMib: count(1_048_576).default(() => Math.max(2048, Math.floor(machineMemoryMib() / 4))),
    maxModels: count(1000).default(32),
    maxDiskMib: count(999_999_999).default(51_200),
    maxQueue: count(100_000).default(256),
    trialSeconds: count(3600).default(60),
    trialMemoryMib: count(1_048_576).default(8192),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .refine((config) => config.url !== undefined || !ANY_ADDRESS.has(config.host), {
    path: ['url'],
    error: 'is needed when listening on every address: say where the gateway reaches this node',
  });
export type Config = z.output<typeof Config>;

export type ConfigResult =
  | { kind: 'config'; config: Config }
  | { kind: 'help'; text: string }
  /** Every mistake, one sentence each. */
  | { kind: 'invalid'; problems: string[] };

/** Reads flags, then environment, then defaults; finds every mistake at once. */
export function readConfig(
  args: readonly string[] = process.argv.slice(2),
  env: Readonly<Record<string, string | undefined>> = process.env,
): ConfigResult {
  const flags = readFlags(args);
  if (flags.help) return { kind: 'help', text: helpText() };
  const values = Object.fromEntries(ALL.map(([key, setting]) => [key, flags.values.get(key) ?? fromEnv(setting, env)]));
  const parsed = Config.safeParse(values);
  const problems = [...flags.problems, ...(parsed.error?.issues.map((issue) => sentence(issue, values)) ?? [])];
  if (parsed.success && problems.length === 0) return { kind: 'config', config: parsed.data };
  return { kind: 'invalid', problems };
}

function readFlags(args: readonly string[]) {
  const options: ParseArgsOptionsConfig = { help: { type: 'boolean', short: 'h' } };
  for (const [, { flag }] of ALL) options[flag] = { type: 'string', multiple: true };
  const { tokens } = parseArgs({ args: [...args], options, strict: false, allowPositionals: true, tokens: true });
  const values = new Map<Key, string | string[]>();
  const problems: string[] = [];
  let help = false;
  for (const token of tokens) {
    if (token.kind === 'positional') problems.push(`unexpected argument ${JSON.stringify(token.value)}`);
    if (token.kind !== 'option') continue;
    const [key, setting] = ALL.find(([, { flag }]) => flag === token.name) ?? [];
    if (token.name === 'help') help = true;
    else if (!key || !setting) problems.push(`unknown option ${token.rawName}: see --help`);
    else if (token.value === undefined) problems.push(`--${setting.flag}: expected ${setting.value} after it`);
    else if (setting.multiple) values.set(key, [...(values.get(key) ?? []), token.value]);
    else values.set(key, token.value);
  }
  return { values, problems, help };
}

function fromEnv({ env: name, multiple }: Setting, env: Readonly<Record<string, string | undefined>>) {
  const value = env[name];
  if (value === undefined || value === '') return undefined;
  return multiple ? value.split(',') : value;
}

/** What a container may take, where it is bounded. */
function machineMemoryMib(): number {
  const bound = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(totalmem(), bound) / (1024 * 1024);
}

function splitLabel(label: string): [string, string] {
  const at = label.indexOf('=');
  return [label.slice(0, at), label.slice(at + 1)];
}

function sentence(issue: z.core.$ZodIssue, values: Record<string, unknown>): string {
  const key = issue.path[0] as Key;
  const { flag, env } = SETTINGS[key];
  const value = values[key];
  if (value === undefined && issue.code === 'invalid_type') return `--${flag} (or ${env}) is missing`;
  const got = value === undefined || key === 'token' ? '' : `, got ${JSON.stringify(value)}`;
  return `--${flag} (or ${env}): ${issue.message}${got}`;
}

function helpText(): string {
  const lines = ALL.map(([, { flag, value, env, help }]) => `  ${`--${flag} ${value}`.padEnd(24)}${help} [${env}]`);
  return ['Usage: lepton-gpu-node --gateway URL --token TOKEN [options]', '', ...lines, '  --help'].join('\n');
}
