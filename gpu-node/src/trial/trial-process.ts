/** Runs one trial in a process of its own, bounded in time and memory: an engine in the middle of a run heeds nothing but a kill. */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import type { NodeTrialAnswer } from '@lepton-edge/protocol';
import type { TrialJob, TrialNews } from './messages.ts';

const CHILD = new URL('./child.ts', import.meta.url);
const MEMORY_POLL_MS = 50;
const PAGE_BYTES = 4096;

export interface TrialLimits {
  /** For loading, and again for all runs together. */
  timeMs: number;
  /** Resident memory of the process. */
  memoryBytes: number;
}

/**
 * @param childUrl replaces the process's code, for tests of processes that misbehave
 * @returns how it ended, also when the process had to be killed
 */
export async function runTrial(
  job: TrialJob,
  limits: TrialLimits,
  childUrl: URL = CHILD,
): Promise<Exclude<NodeTrialAnswer, { state: 'working' }>> {
  const child = fork(childUrl, [], {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
  });
  const exited = once(child, 'exit');
  let phase: 'loading' | 'running' = 'loading';
  let killedFor: string | undefined;
  const kill = (why: string) => {
    killedFor ??= why;
    child.kill('SIGKILL');
  };
  const outOfTime = () =>
    kill(`${phase === 'loading' ? 'loading' : 'its runs'} did not end within ${limits.timeMs / 1000} s`);
  let timer = setTimeout(outOfTime, limits.timeMs);
  const memory = setInterval(async () => {
    const bytes = await residentBytes(child.pid);
    if (bytes > limits.memoryBytes)
      kill(`it took ${bytes} bytes of memory, at most ${limits.memoryBytes} were allowed`);
  }, MEMORY_POLL_MS);
  let last: TrialNews | undefined;
  child.on('message', (news: TrialNews) => {
    if (news.kind === 'loaded') {
      phase = 'running';
      clearTimeout(timer);
      timer = setTimeout(outOfTime, limits.timeMs);
    } else last = news;
  });
  child.send(job, (error) => {
    // It ended before it could be told: its exit says so.
    if (error) kill('its process did not start');
  });
  const [code, signal] = await exited;
  clearTimeout(timer);
  clearInterval(memory);
  if (last?.kind === 'done') return { state: 'ok', report: last.report, inputs: last.inputs, outputs: last.outputs };
  if (last?.kind === 'failed') return { state: 'failed', failure: last.failure };
  const how = signal ? `by signal ${signal}` : `with status ${code}`;
  const message = killedFor ?? `${phase} it ended the engine's process ${how}`;
  const kind = killedFor?.includes('bytes of memory') ? 'memory' : 'stopped';
  return { state: 'failed', failure: { kind, message } };
}

/** 0 where the system does not tell: the time bounds it then. */
async function residentBytes(pid: number | undefined): Promise<number> {
  try {
    const pages = (await readFile(`/proc/${pid}/statm`, 'utf8')).split(' ')[1];
    return Number(pages) * PAGE_BYTES;
  } catch {
    return 0;
  }
}
