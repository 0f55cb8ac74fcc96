/** The soaks there are, and the flags they take. */
import { parseArgs } from 'node:util';
import { findFreePort } from '../standalone/src/preflight.ts';

export interface SoakOptions {
  /** Empty, and deleted afterwards. */
  folder: string;
  port: number;
  rounds: number | undefined;
  minutes: number | undefined;
  sizesMib: number[];
  /** Names; empty for all. */
  only: string[];
  say: (line: string) => void;
}

export interface SoakReport {
  /** Markdown. */
  page: string;
  violations: readonly string[];
}

type Soak = (options: SoakOptions) => Promise<SoakReport>;

export const SOAKS = {
  restart: async (): Promise<Soak> => (await import('./reports/restart.ts')).runRestart,
  upload: async (): Promise<Soak> => (await import('./reports/upload.ts')).runUpload,
  aliases: async (): Promise<Soak> => (await import('./reports/aliases.ts')).runAliases,
  fleet: async (): Promise<Soak> => (await import('./reports/fleet.ts')).runFleet,
  faults: async (): Promise<Soak> => (await import('./reports/faults.ts')).runFaults,
  chaos: async (): Promise<Soak> => (await import('./reports/chaos.ts')).runChaos,
  tenants: async (): Promise<Soak> => (await import('./reports/tenants.ts')).runTenants,
};

export type SoakFlags = Omit<SoakOptions, 'folder' | 'say'> & {
  name: keyof typeof SOAKS;
  home: string | undefined;
  keep: boolean;
  record: boolean;
};

const USAGE = `npm run soak -- NAME [options]

  restart          kills the gateway while it is written to
  upload           sends, kills and resumes one large model
  aliases          moves aliases and makes versions all at once
  fleet            swaps versions of more models than the nodes have room for, under callers
  faults           does to nodes whatever can go wrong with them, under load
  chaos            a steady load of every kind, while nodes, workerd, D1, the cache, aliases and keys are struck
  tenants          sends one team's inputs as another team, and looks whether anything tells

  --rounds N       as many kills, or repeats (restart: 40, aliases: 3, faults: 20 of each, chaos: 24, tenants: 1000 pairs)
  --minutes N      begins no round after this; how long fleet runs (10)
  --only A,B       of the faults (also of chaos)
  --size-mib N     size of the model's weights (3072); --sizes A,B,C for several
  --port N         of the gateway (any free one)
  --dir DIR        where homes and files are made (the system's temporary folder)
  --keep           leaves them there
  --record         writes docs/measurements/soak-NAME.md`;

/** Ends the process where they are wrong. */
export async function readSoakFlags(args: string[]): Promise<SoakFlags> {
  const text = { type: 'string' } as const;
  const flag = { type: 'boolean', default: false } as const;
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      ...{ rounds: text, minutes: text, 'size-mib': text, sizes: text, port: text, dir: text, only: text },
      ...{ keep: flag, record: flag, help: flag },
    },
  });
  const [name = ''] = positionals;
  if (values.help || !Object.hasOwn(SOAKS, name)) {
    process.stdout.write(`${USAGE}\n`);
    process.exit(values.help ? 0 : 1);
  }
  const sizes = values.sizes ?? values['size-mib'] ?? '3072';
  return {
    name: name as keyof typeof SOAKS,
    port: whole(values.port) ?? (await findFreePort()),
    rounds: whole(values.rounds),
    minutes: whole(values.minutes),
    sizesMib: sizes.split(',').map((size) => whole(size) ?? 0),
    only: values.only?.split(',') ?? [],
    home: values.dir,
    keep: values.keep,
    record: values.record,
  };
}

function whole(value: string | undefined): number | undefined {
  if (value === undefined) return undefined;
  if (/^[1-9]\d{0,6}$/.test(value)) return Number(value);
  process.stderr.write(`expected a whole number, got ${JSON.stringify(value)}\n\n${USAGE}\n`);
  process.exit(1);
}
