/** `npm run soak -- NAME`: wears the gateway out for a while, and tells what it stood. */
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readSoakFlags, SOAKS, type SoakFlags } from './flags.ts';
import { recordMeasurement } from './reports/record.ts';

const flags = await readSoakFlags(process.argv.slice(2));
const say = (line: string) => process.stdout.write(`${line}\n`);
process.exitCode = await main(flags);

async function main({ name, home, keep, record, ...options }: SoakFlags): Promise<number> {
  await mkdir(home ?? tmpdir(), { recursive: true });
  const folder = await mkdtemp(join(home ?? tmpdir(), `soak-${name}-`));
  try {
    const { page, violations } = await (await SOAKS[name]())({ ...options, folder, say });
    say(`\n${page}`);
    for (const violation of violations) say(`violated: ${violation}`);
    if (record) await recordMeasurement(`soak-${name}`, page);
    return violations.length === 0 ? 0 : 1;
  } finally {
    if (!keep) await rm(folder, { recursive: true, force: true });
  }
}
