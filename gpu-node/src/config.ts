/** The node's settings, from flags and environment: the only place that reads either. */
import { hostname, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { JoinInput, MAX_PINS, ModelName, parseReference } from '@lepton-edge/protocol';
import { z } from 'zod';
import { type Key, SETTINGS, type Setting } from './settings.ts';

const ALL = Object.entries(SETTINGS) as [Key, Setting][];
const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

/** Where a node without a gateway listens, as Triton does. */
const PORT = 8000;
const METRICS_PORT = 8002;
/** What is said to a gateway alone, and what means something only without one. */
const FLEET_ONLY = ['token', 'url', 'region', 'labels'] as const satisfies readonly Key[];
const LONE_ONLY = ['keyFile', 'load'] as const satisfies readonly Key[];

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

const path = z
  .string()
  .min(1)
  .transform((text) => resolve(text));

const Settings = z
  .object({
    gateway: httpUrl.optional(),
    modelRepository: path.optional(),
    keyFile: path.optional(),
    load: z
      .string()
      .transform((text) => (text === 'all' ? text : text === 'none' ? [] : text.split(',')))
      .pipe(z.union([z.literal('all'), z.array(ModelName)], { error: 'expected all, none, or names of models' }))
      .default('all'),
    pin: z
      .string()
      .transform((text) => [...new Set(text.split(','))])
      .pipe(z.array(z.string().refine(isReference, 'expected names of models, name@alias or name@3')).max(MAX_PINS))
      .default([]),
    metricsAddress: z
      .union(
        [
          z.literal('off'),
          z
            .string()
            .regex(/^(?:(?:[\w.-]+|\[[\da-fA-F:.]+\]):)?\d{1,5}$/)
            .transform(toAddress),
        ],
        {
          error: 'expected off, a port, or host:port',
        },
      )
      .optional(),
    token: z.string().min(1).max(200).optional(),
    name: JoinInput.shape.name.default(() => hostname().toLowerCase().slice(0, 63)),
    home: path.prefault('.lepton-node'),
    host: z.string().min(1).max(255).default('127.0.0.1'),
    port: z
      .string()
      .regex(/^\d{1,5}$/, 'expected a port from 0 to 65535')
      .transform(Number)
      .pipe(z.number().max(65_535))
      .optional(),
    url: httpUrl.optional(),
    region: JoinInput.shape.region,
    labels: z
      .array(z.string().regex(/^[^=]{1,63}=.{0,255}$/, 'expected labels of the form key=value'))
      .default([])
      .transform((labels) => Object.fromEntries(labels.map(splitLabel))),
    modelMemoryMib: count(1_048_576).default(() => Math.max(2048, Math.floor(machineMemoryMib() / 4))),
    gpuMemoryMib: count(16_777_216).optional(),
    maxModels: count(1000).default(32),
    maxDiskMib: count(999_999_999).default(51_200),
    maxQueue: count(100_000).default(256),
    maxQueueMib: count(1_048_576).default(256),
    trialSeconds: count(3600).default(60),
    trialMemoryMib: count(1_048_576).default(8192),
    threads: z.union([z.literal('auto'), count(256)], { error: 'expected auto, or a whole number' }).default('auto'),
    instances: z.union([z.literal('auto'), count(64)], { error: 'expected auto, or a whole number' }).default('auto'),
    webgpu: z.enum(['auto', 'on', 'off']).default('auto'),
    webgpuStrict: z
      .enum(['on', 'off'])
      .default('off')
      .transform((text) => text === 'on'),
    logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  })
  .transform((config) => {
    const alone = config.modelRepository !== undefined;
    const usual = alone ? { host: '127.0.0.1', port: METRICS_PORT, asked: false } : ('off' as const);
    return { ...config, port: config.port ?? (alone ? PORT : 0), metricsAddress: config.metricsAddress ?? usual };
  });
export type Config = z.output<typeof Settings>;

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
  const values: Partial<Record<Key, unknown>> = Object.fromEntries(
    ALL.map(([key, setting]) => [key, flags.values.get(key) ?? fromEnv(setting, env)]),
  );
  const parsed = Settings.safeParse(values);
  const problems = [
    ...flags.problems,
    ...contradictions(values),
    ...(parsed.error?.issues.map((issue) => sentence(issue, values)) ?? []),
  ];
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

/** What is wrong with settings taken together, whatever each is by itself. */
function contradictions(values: Partial<Record<Key, unknown>>): string[] {
  const { gateway, modelRepository, url, keyFile, host = '127.0.0.1' } = values;
  if (gateway === undefined && modelRepository === undefined) {
    const help = 'name the gateway to join, or a directory by --model-repository to serve without one';
    return [`--gateway (or LEPTON_GATEWAY) is missing: ${help}`];
  }
  if (gateway !== undefined && modelRepository !== undefined) {
    return ['--gateway and --model-repository exclude each other: a node in a fleet serves what its gateway sends it'];
  }
  const idle: readonly Key[] = gateway === undefined ? FLEET_ONLY : LONE_ONLY;
  const problems = idle
    .filter((key) => values[key] !== undefined)
    .map((key) => `--${SETTINGS[key].flag} means nothing ${gateway === undefined ? 'without' : 'with'} a gateway`);
  if (gateway !== undefined && url === undefined && ANY_ADDRESS.has(String(host))) {
    problems.push('--url is needed when listening on every address: say where the gateway reaches this node');
  }
  if (gateway === undefined && keyFile === undefined && !isLoopback(String(host))) {
    problems.push(`--host ${host} would let everybody in who reaches it: name those who may by --key-file`);
  }
  return problems;
}

function isReference(text: string): boolean {
  try {
    parseReference(text);
    return true;
  } catch {
    return false;
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(host);
}

/** @param text `[host:]port` */
function toAddress(text: string): { host: string; port: number; asked: boolean } {
  const at = text.lastIndexOf(':');
  const host = at < 0 ? '127.0.0.1' : text.slice(0, at).replace(/^\[|\]$/g, '');
  return { host, port: Number(text.slice(at + 1)), asked: true };
}

function splitLabel(label: string): [string, string] {
  const at = label.indexOf('=');
  return [label.slice(0, at), label.slice(at + 1)];
}

function sentence(issue: z.core.$ZodIssue, values: Record<string, unknown>): string {
  const key = issue.path[0] as Key;
  const { flag, env } = SETTINGS[key];
  const value = values[key];
  const got = value === undefined || key === 'token' ? '' : `, got ${JSON.stringify(value)}`;
  return `--${flag} (or ${env}): ${issue.message}${got}`;
}

function helpText(): string {
  const lines = ALL.map(([, { flag, value, env, help }]) => `  ${`--${flag} ${value}`.padEnd(24)}${help} [${env}]`);
  const usage = [
    'Usage: lepton-gpu-node --gateway URL --token TOKEN [options]',
    '       lepton-gpu-node --model-repository DIR [--key-file FILE] [options]',
  ];
  return [...usage, '', ...lines, '  --help'].join('\n');
}
