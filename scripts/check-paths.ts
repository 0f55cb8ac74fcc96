/** `npm run docs:check`: every repository path that the documents cite in backticks exists. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { glob, readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../standalone/src/failure.ts';
import { citedPaths } from './checks/cited-paths.ts';
import { runScript } from './run-script.ts';

const root = fileURLToPath(new URL('..', import.meta.url));
const PAGES = ['README.md', 'AGENTS.md', 'docs/**/*.md'];

await runScript(async () => {
  const rootEntries = new Set(await readdir(root));
  const pages = (await Array.fromAsync(glob(PAGES, { cwd: root }))).sort();
  const cited = await Promise.all(
    pages.map(async (page) => {
      const paths = citedPaths(await readFile(join(root, page), 'utf8'), rootEntries);
      return paths.map(({ path, line }) => ({ path, at: `${page}:${line}` }));
    }),
  );
  const missing = cited.flat().filter(({ path }) => !existsSync(join(root, path)));
  const outputs = ignoredByGit(missing.map(({ path }) => path));
  const broken = missing.filter(({ path }) => !outputs.has(path));
  if (broken.length > 0) {
    const list = broken.map(({ path, at }) => `  ${at}  ${path}`).join('\n');
    throw new Failure(`cited but not there, correct the page or the path:\n${list}`);
  }
  console.log(`${cited.flat().length} cited paths exist`);
});

/** What builds and runs make is absent from a clean clone, and may be cited all the same. */
function ignoredByGit(paths: string[]): Set<string> {
  if (paths.length === 0) return new Set();
  const { status, stdout, stderr } = spawnSync('git', ['check-ignore', '--stdin'], {
    cwd: root,
    input: paths.join('\n'),
    encoding: 'utf8',
  });
  // 1 says that none is ignored.
  if (status !== 0 && status !== 1) throw new Failure(`git check-ignore failed: ${stderr}`);
  return new Set(stdout.split('\n'));
}
