/** Asks a program of its own what this machine has: a driver that crashes takes no more than that along. */
import { fork } from 'node:child_process';
import { once } from 'node:events';

export interface ProbeOutcome<T> {
  /** What it sent, undefined where it ended without. */
  answer: T | undefined;
  /** How it ended: `by SIGKILL`, `with status 1`. */
  ended: string;
  /** What it wrote to standard error. */
  log: string;
}

/**
 * @param program is started, and sends its answer as one message
 * @param env replaces this process's
 */
export async function runProbe<T>(
  program: URL,
  timeoutMs: number,
  env?: Record<string, string>,
): Promise<ProbeOutcome<T>> {
  const child = fork(program, [], {
    execArgv: [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
    ...(env ? { env } : {}),
  });
  let log = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    log += text;
  });
  let answer: T | undefined;
  child.on('message', (message: T) => {
    answer = message;
  });
  const [code, signal] = await once(child, 'close');
  return { answer, ended: signal ? `by ${signal}` : `with status ${code}`, log };
}
