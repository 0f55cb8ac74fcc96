/** What a process has taken of the machine so far, where the system tells: Linux's `/proc`. */
import { readFile } from 'node:fs/promises';

const PAGE_BYTES = 4096;
/** Of the clock that `/proc` counts in: 100 a second on every Linux. */
const TICK_MS = 10;

export interface ProcessUsage {
  /** Resident memory. */
  bytes: number;
  /** Of all its threads together. */
  cpuMs: number;
}

/** @returns undefined where the system does not tell, or the process is gone */
export async function usageOf(pid: number | undefined): Promise<ProcessUsage | undefined> {
  try {
    const [memory, stat] = await Promise.all([
      readFile(`/proc/${pid}/statm`, 'utf8'),
      readFile(`/proc/${pid}/stat`, 'utf8'),
    ]);
    // The second field is the program's name in brackets, which may hold anything; user and system time are the 14th and 15th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return {
      bytes: Number(memory.split(' ')[1]) * PAGE_BYTES,
      cpuMs: (Number(fields[11]) + Number(fields[12])) * TICK_MS,
    };
  } catch {
    return undefined;
  }
}
