/**
 * One gateway a home: a lock file that names its process, so that one left by a dead process is taken over.
 *
 * Who takes over makes the file of the next number, `lock.8` after `lock.7`, which one alone can do; the file with the highest number
 * counts, and is never removed. To remove the dead one's and make it anew would not do: whoever read it before and
 * comes late would remove the new one.
 */
import { readdir, readFile, rm } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { errnoOf, Failure } from './failure.ts';
import { hasProcess, readProcess } from './processes/process-info.ts';
import { createFileAtomically, writeFileAtomically } from './write-file.ts';

/** `identity` tells the process from a later one that got the same id, where the system can say. */
const Owner = z.object({ pid: z.number().int().positive(), identity: z.string().optional(), url: z.string() });
type Owner = z.infer<typeof Owner>;

const NOBODY = '{}';

/**
 * Takes the lock at `path` for this process.
 * @returns releases it.
 * @throws Failure when a living process holds it.
 */
export async function lockHome(path: string, url: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, identity: (await readProcess(process.pid))?.identity, url });
  for (let attempt = 0; attempt < 10; attempt++) {
    const last = await lastNumber(path);
    const owner = parseOwner(await readIfThere(nameOf(path, last)));
    if (owner && (await isAlive(owner))) {
      throw new Failure(
        `a gateway is already running on this home at ${owner.url} (process ${owner.pid}): stop it first, or name another home with --home DIR`,
      );
    }
    const name = nameOf(path, last + 1);
    if (!(await createFileAtomically(name, mine))) continue;
    // Others may have gone on while we looked: then the number was free because it is past.
    if ((await lastNumber(path)) === last + 1) {
      await removePast(path, last + 1);
      return () => release(name, mine);
    }
    await rm(name, { force: true });
  }
  throw new Failure(`the lock ${path} changes hands all the time: another start is under way, try again`);
}

async function release(name: string, mine: string): Promise<void> {
  if ((await readIfThere(name)) === mine) await writeFileAtomically(name, NOBODY);
}

/** The first has no number: so it was called when there was but one, and who holds that one still does. */
function nameOf(path: string, number: number): string {
  return number === 0 ? path : `${path}.${number}`;
}

/** Those of the files there, in no order. */
async function numbers(path: string): Promise<number[]> {
  const prefix = `${basename(path)}.`;
  const names = await readdir(dirname(path));
  return names.flatMap((name) => {
    const digits = name.startsWith(prefix) ? name.slice(prefix.length) : '';
    return /^[1-9]\d*$/.test(digits) ? [Number(digits)] : [];
  });
}

/** The one before stays, too: a folder that changes while it is listed may show neither what goes nor what comes. */
async function removePast(path: string, number: number): Promise<void> {
  const past = (await numbers(path)).filter((each) => each < number - 1);
  await Promise.all(past.map((each) => rm(nameOf(path, each), { force: true })));
}

/** 0 where there is none. */
async function lastNumber(path: string): Promise<number> {
  return Math.max(0, ...(await numbers(path)));
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined where nobody holds it. */
function parseOwner(text: string | undefined): Owner | undefined {
  if (text === undefined) return undefined;
  try {
    return Owner.parse(JSON.parse(text));
  } catch {
    // Released, not written by us, or cut by a full disk: nobody can be named, so nobody holds it.
    return undefined;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (!hasProcess(owner.pid)) return false;
  const seen = await readProcess(owner.pid);
  if (!seen) return true;
  return !seen.ended && (owner.identity === undefined || owner.identity === seen.identity);
}
