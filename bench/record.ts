/** Writes the table of a run into `docs/performance.md`, between its two marks. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ROOT } from '../test/support/program.ts';
import { type Results, rowsTable } from './results.ts';

const PAGE = join(ROOT, 'docs/performance.md');
const BEGIN = '<!-- written by `npm run bench -- --record` -->';
const END = '<!-- end of what is written -->';

export async function recordPage({ date, machine, versions, rounds, rows }: Results): Promise<void> {
  const page = await readFile(PAGE, 'utf8');
  const begin = page.indexOf(BEGIN);
  const end = page.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`${PAGE}: expected the marks "${BEGIN}" and "${END}"`);
  const named = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  const held = rows.filter(({ met }) => met).length;
  const targets = rows.filter(({ met }) => met !== null).length;
  const text = `${BEGIN}

Measured ${date.slice(0, 10)} on ${machine}; ${rounds} rounds; ${named.join(', ')}. ${held} of ${targets} targets are met.

${rowsTable(rows)}

`;
  await writeFile(PAGE, page.slice(0, begin) + text + page.slice(end));
}
