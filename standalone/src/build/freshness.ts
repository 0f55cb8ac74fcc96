/** Whether a build's output is newer than everything it was made from. */
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { errnoOf } from '../failure.ts';

const NOT_SOURCES = /^(node_modules|dist|\.build|\.wrangler|.*\.test\.tsx?)$/;

/**
 * @param output a file of the build whose time is the moment the build began.
 * @param sources files and folders; one that does not exist counts as unchanged.
 */
export async function isFresh(output: string, sources: string[]): Promise<boolean> {
  const builtAt = await modifiedAt(output);
  if (builtAt === undefined) return false;
  for (const source of sources) {
    const entries = await entriesOf(source);
    // A source folder's own time is left out: builds put their outputs into it.
    const latest = entries ? await newestOf(entries) : ((await modifiedAt(source)) ?? 0);
    if (latest >= builtAt) return false;
  }
  return true;
}

/** A folder further down counts with its own time too, which tells of entries that were removed. */
async function newestOf(paths: string[]): Promise<number> {
  let newest = 0;
  for (const path of paths) {
    newest = Math.max(newest, (await modifiedAt(path)) ?? 0, await newestOf((await entriesOf(path)) ?? []));
  }
  return newest;
}

/** The sources in a folder; `undefined` for what is none. */
async function entriesOf(path: string): Promise<string[] | undefined> {
  try {
    const names = await readdir(path);
    return names.filter((name) => !NOT_SOURCES.test(name)).map((name) => join(path, name));
  } catch (error) {
    if (errnoOf(error) === 'ENOTDIR' || errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

async function modifiedAt(path: string): Promise<number | undefined> {
  try {
    return (await stat(path)).mtimeMs;
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
