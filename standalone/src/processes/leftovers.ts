/** Ends the children of an earlier run that was killed before it could: they would hold the port and the database. */
import { readdir, readFile, rm, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { hasProcess, readProcess } from './process-info.ts';

const POLL_MS = 20;
const LIMIT_MS = 2_000;
/** Start times are known to about a second. */
const CLOCK_SLACK_MS = 2_000;

/**
 * @param folder the home's pid files; only the holder of the home's lock may call this.
 * @param say gets a line for each process that was ended.
 * @returns how many were
 */
export async function endLeftovers(folder: string, say: (line: string) => void): Promise<number> {
  let ended = 0;
  for (const file of await readdir(folder)) {
    if (!file.endsWith('.pid')) continue;
    const path = join(folder, file);
    const pid = Number(await readFile(path, 'utf8'));
    if (await isTheRecorded(pid, (await stat(path)).mtimeMs)) {
      process.kill(pid, 'SIGKILL');
      await gone(pid);
      ended++;
      say(`ended ${basename(file, '.pid')} (process ${pid}), which an earlier run left behind`);
    }
    await rm(path);
  }
  return ended;
}

/** A process that started before its id was written down is the one that was meant; a later one only got the same id. */
async function isTheRecorded(pid: number, recordedAt: number): Promise<boolean> {
  if (!Number.isInteger(pid) || pid <= 1 || !hasProcess(pid)) return false;
  const seen = await readProcess(pid);
  return seen !== undefined && !seen.ended && seen.startedAt <= recordedAt + CLOCK_SLACK_MS;
}

async function gone(pid: number): Promise<void> {
  const deadline = performance.now() + LIMIT_MS;
  while (hasProcess(pid) && !(await readProcess(pid))?.ended && performance.now() < deadline) await sleep(POLL_MS);
}
