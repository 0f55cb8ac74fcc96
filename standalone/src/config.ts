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
  help: z.boolean().default(false),
});

/** `home` is absolute. */
export type Config = z.output<typeof Flags>;

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
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (cause) {
    throw new Failure(`${(cause as Error).message}\n\n${USAGE}`, { cause });
  }
  const flags = Flags.safeParse(values);
  if (!flags.success) throw new Failure(flags.error.issues.map((issue) => issue.message).join('; '));
  return flags.data;
}

/** The environment a child process gets: ours, with `extra` on top. */
export function childEnvironment(extra: Record<string, string> = {}): NodeJS.ProcessEnv {
  return { ...process.env, ...extra };
}

function wholeNumber(flag: string, min: number, max: number) {
  return z.string().transform((text, context) => {
    const value = /^\d{1,9}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    context.addIssue(`${flag}: expected a whole number from ${min} to ${max}, got ${JSON.stringify(text)}`);
    return z.NEVER;
  });
}
