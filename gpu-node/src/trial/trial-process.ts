/** Runs one trial in a process of its own, bounded in time and memory: an engine in the middle of a run heeds nothing but a kill. */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { LeptonError, type NodeTrialAnswer } from '@lepton-edge/protocol';
import type { TrialJob, TrialNews, TrialSample } from './messages.ts';
import { usageOf } from './process-usage.ts';
import { TrialBounds, type TrialLimits, type Verdict } from './trial-bounds.ts';

export type TrialEnd = Exclude<NodeTrialAnswer, { state: 'working' }>;

export interface TrialOutcome {
  ended: TrialEnd;
  /** Where the job wants one, and it is not too large. */
  sample?: TrialSample | undefined;
}

const CHILD = new URL('./child.ts', import.meta.url);
const POLL_MS = 50;
const RETRY_AFTER_S = 10;

/** What is replaced in tests. */
export interface TrialProgram {
  code?: URL;
  execPath?: string;
}

/**
 * @returns what the trial showed of the model, also when its process had to be killed
 * @throws LeptonError `unavailable` when this machine could not try it now: nothing is said about the model
 */
export async function runTrial(job: TrialJob, limits: TrialLimits, program: TrialProgram = {}): Promise<TrialOutcome> {
  const child = fork(program.code ?? CHILD, [], {
    serialization: 'advanced',
    execArgv: [],
    stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
    ...(program.execPath === undefined ? {} : { execPath: program.execPath }),
  });
  const bounds = new TrialBounds(limits);
  let verdict: Verdict | undefined;
  let last: TrialNews | undefined;
  const poll = setInterval(async () => {
    verdict ??= bounds.check(await usageOf(child.pid));
    if (verdict) child.kill('SIGKILL');
  }, POLL_MS);
  try {
    child.on('message', (news: TrialNews) => {
      if (news.kind === 'started') bounds.enter('loading');
      else if (news.kind === 'loaded') bounds.enter('running');
      else last = news;
    });
    // It may have ended before it could be told: its end says so.
    child.send(job, () => undefined);
    const { code, signal } = await endOf(child);
    if (last?.kind === 'done') {
      const { report, inputs, outputs, sample } = last;
      return { ended: { state: 'ok', report, inputs, outputs }, sample };
    }
    if (last?.kind === 'failed') return { ended: { state: 'failed', failure: last.failure } };
    verdict ??= verdictOn(bounds, code, signal);
  } finally {
    clearInterval(poll);
  }
  if (verdict.fault === 'machine') throw untried(verdict.reason);
  return { ended: { state: 'failed', failure: verdict.failure } };
}

/** The end of the process and of everything it sent. @throws LeptonError when it could not be started */
async function endOf(child: ChildProcess): Promise<{ code: number | null; signal: NodeJS.Signals | null }> {
  try {
    const [code, signal] = await once(child, 'close');
    return { code, signal };
  } catch (cause) {
    throw untried(`its process could not be started: ${cause instanceof Error ? cause.message : String(cause)}`, cause);
  }
}

/** On a process that ended by itself and said nothing. */
function verdictOn({ phase, lastBytes }: TrialBounds, code: number | null, signal: string | null): Verdict {
  if (signal === 'SIGKILL') {
    const reason = `the system ended its process, as it does when memory runs out; it held ${lastBytes} bytes at last`;
    return { fault: 'machine', reason };
  }
  const how = signal ? `by signal ${signal}` : `with status ${code}`;
  if (phase === 'starting') return { fault: 'machine', reason: `its process ended ${how} before it read the model` };
  return { fault: 'model', failure: { kind: 'stopped', message: `${phase} it ended the engine's process ${how}` } };
}

function untried(reason: string, cause?: unknown): LeptonError {
  return new LeptonError('unavailable', `this node could not try the version: ${reason}`, {
    cause,
    retryAfterSeconds: RETRY_AFTER_S,
  });
}
