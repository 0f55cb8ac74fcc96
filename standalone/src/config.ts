/** What `npm start` was asked to do: its flags; and the one place that reads the environment. */
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { Failure } from './failure.ts';

export const USAGE = `npm start -- [options]

  --port N         where the gateway listens on 127.0.0.1 (8787)
  --home DIR       where keys, models and logs are kept (.lepton)
  --nodes N        how many gpu-nodes to start (1)
  --no-examples    do not load the example models
  --var NAME=VALUE a variable of wrangler.toml is to be this; may be repeated
  --help           show this`;

const Flags = z.object({
  port: wholeNumber('--port', 1, 65_535).default(8787),
  home: z
    .string()
    .min(1, '--home: expected a directory')
    .default('.lepton')
    .transform((path) => resolve(path)),
  nodes: wholeNumber('--nodes', 0, 64).default(1),
  examples: z.boolean().default(true),
  var: z
    .array(
      z.string().regex(/^[A-Z][A-Z0-9_]*=/, {
        error: ({ input }) => `--var: expected NAME=VALUE, got ${JSON.stringify(input)}`,
      }),
    )
    .default([])
    .transform((pairs) => Object.fromEntries(pairs.map(splitPair))),
  help: z.boolean().default(false),
});

/** `home` is absolute; `vars` replace those of wrangler.toml. */
export type Config = Omit<z.output<typeof Flags>, 'var'> & { vars: Record<string, string> };

/**
 * Reads the command line (without the program's name).
 * @throws Failure naming the flag, what was expected and what came.
 */
export function parseConfig(args: string[]): Config {
  let values: unknown;
  try {
    values = parseArgs({
      args,
      allowNegative: true,
      options: {
        port: { type: 'string' },
        home: { type: 'string' },
        nodes: { type: 'string' },
        examples: { type: 'boolean' },
        var: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new Failure(`${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
  const flags = Flags.safeParse(values);
  if (!flags.success) throw new Failure(flags.error.issues.map((issue) => issue.message).join('; '));
  const { var: vars, ...rest } = flags.data;
  return { ...rest, vars };
}

/** The environment a child process gets: ours, with `extra` on top. */
export function childEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...extra };
}

/** Where spans are sent, as OpenTelemetry's own programs take it from the environment. */
export function tracingVariables(): Record<string, string> {
  const names = [
    'OTEL_EXPORTER_OTLP_ENDPOINT',
    'OTEL_EXPORTER_OTLP_HEADERS',
    'OTEL_TRACES_SAMPLER_ARG',
    'OTEL_SERVICE_NAME',
  ];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}

function splitPair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  return [pair.slice(0, at), pair.slice(at + 1)];
}

function wholeNumber(flag: string, min: number, max: number) {
  return z.string().transform((text, context) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    context.addIssue(`${flag}: expected a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`);
    return z.NEVER;
  });
}
