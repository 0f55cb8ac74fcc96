/** One gateway a home: a lock file that names its process, so that one left by a dead process is taken over. */
import { randomUUID } from 'node:crypto';
import { readFile, rename, rm, unlink } from 'node:fs/promises';
import { z } from 'zod';
import { errnoOf, Failure } from './failure.ts';
import { hasProcess, readProcess } from './processes/process-info.ts';
import { createFileAtomically } from './write-file.ts';

/** `identity` tells the process from a later one that got the same id, where the system can say. */
const Owner = z.object({ pid: z.number().int().positive(), identity: z.string().optional(), url: z.string() });
type Owner = z.infer<typeof Owner>;

/**
 * Takes the lock at `path` for this process.
 * @returns releases it.
 * @throws Failure when a living process holds it.
 */
export async function lockHome(path: string, url: string): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ pid: process.pid, identity: (await readProcess(process.pid))?.identity, url });
  for (let attempt = 0; attempt < 10; attempt++) {
    if (await createFileAtomically(path, mine)) return () => release(path, mine);
    const text = await readIfThere(path);
    if (text === undefined) continue;
    const owner = parseOwner(text);
    if (owner && (await isAlive(owner))) {
      throw new Failure(
        `a gateway is already running on this home at ${owner.url} (process ${owner.pid}): stop it first, or name another home with --home DIR`,
      );
    }
    await discard(path, text);
  }
  throw new Failure(`the lock ${path} changes hands all the time: another start is under way, try again`);
}

/** Removes a dead process's lock, unless another start has already replaced it. */
async function discard(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomUUID()}.stale`;
  try {
    await rename(path, aside);
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return;
    throw error;
  }
  // Between our reading and our renaming another start may have put its own there: that one goes back.
  const moved = await readFile(aside, 'utf8');
  if (moved !== text) await createFileAtomically(path, moved);
  await unlink(aside);
}

async function release(path: string, mine: string): Promise<void> {
  if ((await readIfThere(path)) === mine) await rm(path, { force: true });
}

async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (errnoOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function parseOwner(text: string): Owner | undefined {
  try {
    return Owner.parse(JSON.parse(text));
  } catch {
    // Not written by us, or cut by a full disk: nobody can be named, so nobody holds it.
    return undefined;
  }
}

async function isAlive(owner: Owner): Promise<boolean> {
  if (!hasProcess(owner.pid)) return false;
  const seen = await readProcess(owner.pid);
  if (!seen) return true;
  return !seen.ended && (owner.identity === undefined || owner.identity === seen.identity);
}
