/** What can be learnt of a process by its id, which may by now belong to another one. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { childEnvironment } from '../config.ts';
import { errnoOf } from '../failure.ts';

/** Linux counts start times in hundredths of a second, whatever its own clock does. */
const TICK_MS = 10;

export interface ProcessInfo {
  /** Differs between any two processes that had the same id. */
  identity: string;
  /** Milliseconds since 1970, exact to a second or two. */
  startedAt: number;
  /** It has ended, but its parent has not noticed: the id is still taken. */
  ended: boolean;
}

/** `undefined` when there is no such process, or the system does not tell. */
export async function readProcess(pid: number): Promise<ProcessInfo | undefined> {
  if (!hasProcess(pid)) return undefined;
  try {
    return process.platform === 'linux' ? await readProc(pid) : await askPs(pid);
  } catch {
    // It ended meanwhile, or this system has neither way.
    return undefined;
  }
}

/** Whether any process has this id; one of another user counts too. */
export function hasProcess(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errnoOf(error) !== 'ESRCH';
  }
}

async function readProc(pid: number): Promise<ProcessInfo> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
  const boot = await readFile('/proc/sys/kernel/random/boot_id', 'utf8');
  const bootSeconds = /^btime (\d+)$/m.exec(await readFile('/proc/stat', 'utf8'))?.[1];
  // The name in field 2 may hold spaces and parentheses: field 3, the state, is the first behind it; 22 the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const ticks = Number(fields[19]);
  return {
    identity: `${boot.trim()}/${ticks}`,
    startedAt: Number(bootSeconds) * 1000 + ticks * TICK_MS,
    ended: fields[0] === 'Z' || fields[0] === 'X',
  };
}

/** Where there is no `/proc`: macOS, the BSDs. */
async function askPs(pid: number): Promise<ProcessInfo> {
  const columns = ['-o', 'stat=', '-o', 'lstart=', '-p', String(pid)];
  const { stdout } = await promisify(execFile)('ps', columns, { env: childEnvironment({ LC_ALL: 'C' }) });
  const [state = '', ...start] = stdout.trim().split(/\s+/);
  const identity = start.join(' ');
  return { identity, startedAt: Date.parse(identity), ended: state.startsWith('Z') };
}
