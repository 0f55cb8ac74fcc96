/** The node's settings, from flags, environment and a file: the only place that reads either. */
import { hostname, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { JoinInput, MAX_PINS, ModelName, parseReference } from '@lepton-edge/protocol';
import { z } from 'zod';
import { readConfigFile } from './config-file.ts';
import { effectiveText, helpText } from './config-report.ts';
import { type Given, readEnvironment, readFlags } from './config-sources.ts';
import { type Key, SETTINGS } from './settings.ts';

const ANY_ADDRESS = new Set(['0.0.0.0', '::']);

/** Where a node without a gateway listens, as Triton does. */
const PORT = 8000;
const METRICS_PORT = 8002;
const MAX_PORT = 65_535;
/** What is said to a gateway alone, and what means something only without one. */
const FLEET_ONLY = ['token', 'tokenFile', 'url', 'region', 'labels'] as const satisfies readonly Key[];
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

const onOrOff = z
  .enum(['on', 'off'])
  .default('off')
  .transform((text) => text === 'on');

const path = z
  .string()
  .min(1)
  .transform((text) => resolve(text));

const Settings = z.object({
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
    .transform((text) => [...new Set(text === '' ? [] : text.split(','))])
    .pipe(z.array(z.string().refine(isReference, 'expected names of models, name@alias or name@3')).max(MAX_PINS))
    .default([]),
  metricsAddress: z
    .union(
      [
        z.literal('off'),
        z
          .string()
          .regex(/^(?:(?:[\w.-]+|\[[\da-fA-F:.]+\]):)?\d{1,5}$/)
          .transform(toAddress)
          .refine(({ port }) => port <= MAX_PORT),
      ],
      {
        error: 'expected off, a port, or host:port',
      },
    )
    .optional(),
  token: z.string().min(1).max(200).optional(),
  tokenFile: path.optional(),
  name: JoinInput.shape.name.default(() => hostname().toLowerCase().slice(0, 63)),
  home: path.prefault('.lepton-node'),
  host: z.string().min(1).max(255).default('127.0.0.1'),
  port: z
    .string()
    .regex(/^\d{1,5}$/, 'expected a port from 0 to 65535')
    .transform(Number)
    .pipe(z.number().max(MAX_PORT))
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
  drainSeconds: count(3600).default(20),
  trialSeconds: count(3600).default(60),
  trialMemoryMib: count(1_048_576).default(8192),
  threads: z.union([z.literal('auto'), count(256)], { error: 'expected auto, or a whole number' }).default('auto'),
  instances: z.union([z.literal('auto'), count(64)], { error: 'expected auto, or a whole number' }).default('auto'),
  webgpu: z.enum(['auto', 'on', 'off']).default('auto'),
  webgpuStrict: onOrOff,
  cuda: onOrOff,
  logLevel: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  accessLog: onOrOff,
});
const Complete = Settings.transform((config) => {
  const alone = config.modelRepository !== undefined;
  const usual = alone ? { host: '127.0.0.1', port: METRICS_PORT, asked: false } : ('off' as const);
  return { ...config, port: config.port ?? (alone ? PORT : 0), metricsAddress: config.metricsAddress ?? usual };
});
export type Config = z.output<typeof Complete>;

export type ConfigResult =
  | { kind: 'config'; config: Config }
  /** What to print instead of starting: the help, or the settings where only these were asked for. */
  | { kind: 'text'; text: string }
  /** Every mistake, one sentence each. */
  | { kind: 'invalid'; problems: string[]; exitCode: number };

/** Flags win over the environment, that over the file, and that over defaults. Finds every mistake of all of them at once. */
export function readConfig(
  args: readonly string[] = process.argv.slice(2),
  env: Readonly<Record<string, string | undefined>> = process.env,
): ConfigResult {
  const flags = readFlags(args);
  if (flags.help) return { kind: 'text', text: helpText() };
  const environment = readEnvironment(env);
  const path = flags.file ?? environment.file;
  const file = path === undefined ? { given: [], problems: [] } : readConfigFile(path);
  const all = [...file.given, ...environment.given, ...flags.given];
  const given = new Map(all.map((one) => [one.key, one]));
  const problems = [...flags.problems, ...file.problems, ...contradictions(given), ...all.flatMap(problemsOf)];
  if (problems.length > 0) return { kind: 'invalid', problems, exitCode: flags.check ? 1 : 2 };
  const config = Complete.parse(Object.fromEntries([...given].map(([key, { value }]) => [key, value])));
  return flags.check ? { kind: 'text', text: effectiveText(config, given) } : { kind: 'config', config };
}

function problemsOf({ key, value, source }: Given): string[] {
  const parsed = Settings.shape[key].safeParse(value);
  const got = 'isSecret' in SETTINGS[key] ? '' : `, got ${JSON.stringify(value)}`;
  return parsed.error?.issues.map(({ message }) => `${source}: ${message}${got}`) ?? [];
}

/** What a container may take, where it is bounded. */
function machineMemoryMib(): number {
  const bound = process.constrainedMemory() || Number.POSITIVE_INFINITY;
  return Math.min(totalmem(), bound) / (1024 * 1024);
}

/** What is wrong with settings taken together, whatever each is by itself. */
function contradictions(given: ReadonlyMap<Key, Given>): string[] {
  const gateway = given.get('gateway');
  const modelRepository = given.get('modelRepository');
  if (gateway === undefined && modelRepository === undefined) {
    const help = 'name the gateway to join, or a directory by --model-repository to serve without one';
    return [`--gateway (or LEPTON_GATEWAY) is missing: ${help}`];
  }
  if (gateway !== undefined && modelRepository !== undefined) {
    const both = `${gateway.source} and ${modelRepository.source} exclude each other`;
    return [`${both}: a node in a fleet serves what its gateway sends it`];
  }
  const idle: readonly Key[] = gateway === undefined ? FLEET_ONLY : LONE_ONLY;
  const problems = idle.flatMap((key) => {
    const one = given.get(key);
    return one ? [`${one.source} means nothing ${gateway === undefined ? 'without' : 'with'} a gateway`] : [];
  });
  const host = given.get('host');
  const token = given.get('token');
  const tokenFile = given.get('tokenFile');
  if (gateway && host && ANY_ADDRESS.has(String(host.value)) && !given.has('url')) {
    problems.push('--url is needed when listening on every address: say where the gateway reaches this node');
  }
  if (!gateway && host && !given.has('keyFile') && !isLoopback(String(host.value))) {
    const open = `${host.source} ${host.value} would let everybody in who reaches it`;
    problems.push(`${open}: name those who may by --key-file`);
  }
  if (token && tokenFile) problems.push(`${token.source} and ${tokenFile.source} exclude each other`);
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
