/** `npm run bench`: every row of the table of ratios, side by side with the peers, in one run. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { hardware } from '../soak/reports/machine.ts';
import { ROOT } from '../test/support/program.ts';
import { Bench } from './bench.ts';
import { type HttpLoad, httpLoad } from './http-load.ts';
import { installPeers } from './peers.ts';
import { recordPage } from './record.ts';
import { type Results, rowsTable, versions } from './results.ts';
import { type Row, rowOf } from './row.ts';
import { SUBJECTS } from './rows/index.ts';

const USAGE = `npm run bench -- [options]

  --only A,B       of ${Object.keys(SUBJECTS).join(', ')}
  --rounds N       of each measurement, besides the one that warms up (5); of long ones half as many
  --ms N           how long one side of a round is watched (1500)
  --record         writes the table into docs/performance.md`;

/** A run that is late on this takes fewer rounds of what is left, and so ends within 15 minutes. */
const WITHIN_MS = 13 * 60_000;
const LATE_ROUNDS = 2;

const text = { type: 'string' } as const;
const flag = { type: 'boolean', default: false } as const;
const { values: flags } = parseArgs({
  options: {
    only: text,
    rounds: { ...text, default: '5' },
    ms: { ...text, default: '1500' },
    record: flag,
    help: flag,
  },
});
const names = (flags.only?.split(',') ?? Object.keys(SUBJECTS)) as (keyof typeof SUBJECTS)[];
const say = (line: string) => process.stdout.write(`${line}\n`);
if (flags.help || !names.every((name) => Object.hasOwn(SUBJECTS, name))) {
  say(USAGE);
  process.exit(flags.help ? 0 : 1);
}
let current: Bench | undefined;
let stopped = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  // What it has started is in groups of its own, which the terminal's signal does not reach.
  process.once(signal, async () => {
    stopped = true;
    await current?.[Symbol.asyncDispose]();
    process.exit(1);
  });
}
process.exitCode = await main();

/** @returns the exit status: 1 where a subject could not be measured. A row that does not hold its target is no failure. */
async function main(): Promise<number> {
  const began = performance.now();
  const root = await mkdtemp(join(tmpdir(), 'bench-'));
  const http = httpLoad(root);
  const rows: Row[] = [];
  const failed: string[] = [];
  try {
    await installPeers(say);
    for (const [i, name] of names.entries()) {
      if (stopped) break;
      const startedAt = performance.now();
      const isLate = startedAt - began > (WITHIN_MS * (i + 1)) / names.length;
      const rounds = isLate ? Math.min(LATE_ROUNDS, Number(flags.rounds)) : Number(flags.rounds);
      try {
        rows.push(...(await rowsOf(name, root, http, rounds)));
      } catch (error) {
        failed.push(name);
        say(`${name} failed: ${error instanceof Error ? error.stack : error}`);
      }
      say(`${name}: ${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  const results: Results = {
    date: new Date().toISOString(),
    machine: hardware(),
    versions: await versions(http.name),
    rounds: Number(flags.rounds),
    rows,
  };
  say(`\n${rowsTable(rows)}\n`);
  say(`${rows.length} rows in ${((performance.now() - began) / 60_000).toFixed(1)} minutes`);
  for (const name of failed) say(`could not be measured: ${name}`);
  // A part of the rows, or some that are missing, must not pass for all of them.
  if (flags.only === undefined && failed.length === 0 && !stopped) {
    await mkdir(join(ROOT, 'bench/results'), { recursive: true });
    await writeFile(join(ROOT, 'bench/results/latest.json'), `${JSON.stringify(results, null, 2)}\n`);
    if (flags.record) await recordPage(results);
  }
  return failed.length === 0 ? 0 : 1;
}

async function rowsOf(name: keyof typeof SUBJECTS, root: string, http: HttpLoad, rounds: number): Promise<Row[]> {
  const folder = join(root, name);
  await mkdir(folder);
  await using bench = new Bench({ folder, rounds, windowMs: Number(flags.ms), http, say });
  current = bench;
  const rows = (await (await SUBJECTS[name]())(bench)).map(rowOf);
  for (const { id, ratio, unit, target, met } of rows) {
    say(`${id}: ${ratio} ${unit}${target && `, ${target}: ${met ? 'met' : 'not met'}`}`);
  }
  return rows;
}
