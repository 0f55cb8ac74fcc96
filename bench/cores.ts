/** Gives programs of the benchmark cores of their own, as machines of their own would have; on Linux, where `taskset` is. */
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { cpus } from 'node:os';

interface Entry {
  pid: number;
  parent: number;
  command: string;
}

/**
 * Those of this program's processes that have `words` in their command get the first half of the cores, all others the second half.
 * @returns gives every one all cores again; undefined where the system cannot do it, or has one core
 */
export function separate(words: string): (() => void) | undefined {
  const count = cpus().length;
  const half = Math.floor(count / 2);
  if (half === 0 || !existsSync('/proc/self/stat') || !hasTaskset()) return undefined;
  for (const { pid, command } of family()) {
    bind(pid, command.includes(words) ? `0-${half - 1}` : `${half}-${count - 1}`);
  }
  return () => {
    for (const { pid } of family()) bind(pid, `0-${count - 1}`);
  };
}

function hasTaskset(): boolean {
  try {
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** With all its threads, and those to come. */
function bind(pid: number, cores: string): void {
  try {
    execFileSync('taskset', ['-acp', cores, String(pid)], { stdio: 'ignore' });
  } catch (cause) {
    if (existsSync(`/proc/${pid}`)) throw cause;
  }
}

/** This process and all that descend from it. */
function family(): Entry[] {
  const all = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => entryOf(Number(name)) ?? []);
  const found = all.filter(({ pid }) => pid === process.pid);
  // What is found while it is walked is walked, too.
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

function entryOf(pid: number): Entry | undefined {
  try {
    const [, rest = ''] = readFileSync(`/proc/${pid}/stat`, 'utf8').split(/\) (?=[A-Z] )/);
    const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
    return { pid, parent: Number(rest.split(' ')[1]), command };
  } catch {
    // It has ended meanwhile.
    return undefined;
  }
}
