/** `npm run db:check`: the tables in worker/src/db/schema.ts are those that migrations/ makes. */
import { spawnSync } from 'node:child_process';
import { cp, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../standalone/src/failure.ts';
import { runScript } from './run-script.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const REMEDY = 'run npm run db:generate -- --name what_changed, read the SQL and commit it with its snapshot';

await runScript(async () => {
  const folder = await mkdtemp(join(tmpdir(), 'lepton-migrations-'));
  try {
    await cp(join(root, 'migrations'), folder, { recursive: true });
    const before = await sqlFiles(folder);
    await requireJournal(folder, before);
    const output = generate(folder);
    const added = (await sqlFiles(folder)).filter((name) => !before.includes(name));
    if (added.length > 0) {
      const sql = await Promise.all(added.map((name) => readFile(join(folder, name), 'utf8')));
      throw new Failure(
        `worker/src/db/schema.ts is ahead of migrations/: ${REMEDY}. It would hold\n\n${sql.join('\n')}`,
      );
    }
    // It ends well, too, when it had to ask whether a column was renamed: nobody is here to answer.
    if (!output.includes('No schema changes')) {
      throw new Failure(`worker/src/db/schema.ts and migrations/ differ: ${REMEDY}. drizzle-kit wrote\n\n${output}`);
    }
    console.log(`worker/src/db/schema.ts and the ${before.length} files of migrations/ agree`);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

async function sqlFiles(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
}

/** Deploying applies every file in the folder; drizzle-kit compares with those in its journal. */
async function requireJournal(folder: string, files: string[]): Promise<void> {
  const journal: { entries: { tag: string }[] } = JSON.parse(
    await readFile(join(folder, 'meta/_journal.json'), 'utf8'),
  );
  const tags = journal.entries.map(({ tag }) => `${tag}.sql`).sort();
  if (tags.join() === files.join()) return;
  throw new Failure(
    `migrations/ has ${files.join(', ')}, its meta/_journal.json names ${tags.join(', ')}: ` +
      'make SQL files by npm run db:generate only (with -- --custom for data)',
  );
}

/** @returns all that drizzle-kit wrote; its exit status says nothing. */
function generate(out: string): string {
  const drizzleKit = join(createRequire(join(root, 'package.json')).resolve('drizzle-kit'), '../bin.cjs');
  const args = ['--dialect=sqlite', '--schema=worker/src/db/schema.ts', `--out=${relative(root, out)}`];
  const { stdout, stderr } = spawnSync(process.execPath, [drizzleKit, 'generate', ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return stdout + stderr;
}
