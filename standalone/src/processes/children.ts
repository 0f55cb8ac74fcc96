/** The child processes of one gateway: started in our process group, their output in a file, all ended with us. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { childEnvironment } from '../config.ts';
import { Failure } from '../failure.ts';

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export interface SpawnOptions {
  /** Script and arguments, run by this same Node. */
  args: string[];
  cwd: string;
  env?: Record<string, string>;
  /** stdout and stderr are appended here. */
  logFile: string;
}

export interface Child {
  pid: number;
  exited: Promise<Exit>;
  /** Where this child's output begins in its log file, in bytes. */
  logOffset: number;
  /** SIGTERM, after `graceMs` SIGKILL; resolves when the process is gone. */
  stop(graceMs: number): Promise<void>;
}

export class Children {
  readonly #running = new Map<ChildProcess, Child>();
  #closed = false;

  constructor() {
    // The last resort, for an end that skips stopAll: nothing we started may outlive us.
    process.on('exit', this.#killAll);
  }

  /** @throws Failure when no more children may be started, or the system refuses. */
  async spawn(options: SpawnOptions): Promise<Child> {
    mkdirSync(dirname(options.logFile), { recursive: true });
    const log = await open(options.logFile, 'a', 0o600);
    try {
      const logOffset = (await log.stat()).size;
      if (this.#closed) throw new Failure('the gateway is stopping: no process is started any more');
      const child = spawn(process.execPath, options.args, {
        cwd: options.cwd,
        env: childEnvironment(options.env),
        stdio: ['ignore', log.fd, log.fd],
      });
      const exited = once(child, 'exit').then(([code, signal]): Exit => {
        this.#running.delete(child);
        return { code, signal };
      });
      const handle = { exited, logOffset, pid: child.pid ?? 0, stop: (graceMs: number) => end(child, exited, graceMs) };
      this.#running.set(child, handle);
      await Promise.race([once(child, 'spawn'), exited]);
      return handle;
    } finally {
      await log.close();
    }
  }

  /** Runs a child to its end. */
  async run(options: SpawnOptions): Promise<{ exit: Exit; logOffset: number }> {
    const child = await this.spawn(options);
    return { exit: await child.exited, logOffset: child.logOffset };
  }

  /** Ends every child and lets no new one start. */
  async stopAll(graceMs: number): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#running.values()].map((child) => child.stop(graceMs)));
    process.off('exit', this.#killAll);
  }

  readonly #killAll = (): void => {
    for (const child of this.#running.keys()) child.kill('SIGKILL');
  };
}

/** How a process ended, for a sentence: "ended with exit code 1", "was killed by SIGKILL". */
export function tellExit(exit: Exit): string {
  return exit.signal === null ? `ended with exit code ${exit.code}` : `was killed by ${exit.signal}`;
}

async function end(child: ChildProcess, exited: Promise<Exit>, graceMs: number): Promise<void> {
  child.kill('SIGTERM');
  const timer = new AbortController();
  const late = sleep(graceMs, 'late', { signal: timer.signal }).catch(() => 'in time');
  const outcome = await Promise.race([exited, late]);
  timer.abort();
  if (outcome === 'late') child.kill('SIGKILL');
  await exited;
}
