/** The real program as a child in a process group of its own, with its output kept and every process of it countable. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** What the test runner puts into the environment, and a person's terminal does not. */
const TEST_RUNNER = /^(NODE_ENV|TEST|VITEST.*)$/;

export interface ProgramExit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

export class Program {
  readonly exited: Promise<ProgramExit>;
  readonly #child: ChildProcess;
  #output = '';
  /** Settles when there is more output. */
  #news = Promise.withResolvers<void>();

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
        this.#news.resolve();
        this.#news = Promise.withResolvers();
      });
    }
  }

  /**
   * Runs a command in the repository's root.
   * @param extra on top of this process's environment
   */
  static run(command: string, args: string[], extra: Record<string, string> = {}): Program {
    const env = Object.entries(process.env).filter(([name]) => !TEST_RUNNER.test(name));
    const options = { cwd: ROOT, env: { ...Object.fromEntries(env), ...extra }, detached: true };
    return new Program(spawn(command, args, { ...options, stdio: ['ignore', 'pipe', 'pipe'] }));
  }

  /** The process started here, and so its group. */
  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('the program could not be started');
    return this.#child.pid;
  }

  /** stdout and stderr so far. */
  get output(): string {
    return this.#output;
  }

  lines(): string[] {
    return this.#output.split('\n');
  }

  /** Resolves with the first line that begins so. Throws with all output when the program ends before. */
  async line(beginning: string): Promise<string> {
    for (;;) {
      const found = this.lines()
        .slice(0, -1)
        .find((line) => line.startsWith(beginning));
      if (found !== undefined) return found;
      const ended = await Promise.race([this.exited, this.#news.promise]);
      if (ended) {
        const how = ended.signal ?? `status ${ended.code}`;
        throw new Error(`the program ended (${how}) without a line "${beginning}…":\n${this.#output}`);
      }
    }
  }

  /** Signals the process started here alone, as a service manager does. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Signals the whole group, as a terminal does on Ctrl-C. */
  signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** The living processes of the group. */
  processes(): number[] {
    return listProcesses().flatMap(({ pid, group, ended }) => (group === this.pid && !ended ? [pid] : []));
  }

  /** For cleaning up: whatever of it is left. */
  async destroy(): Promise<void> {
    this.signalGroup('SIGKILL');
    await this.exited;
  }
}

interface ProcessEntry {
  pid: number;
  group: number;
  /** It has ended, but its parent has not noticed. */
  ended: boolean;
}

function listProcesses(): ProcessEntry[] {
  if (!existsSync('/proc/self/stat')) {
    const lines = execFileSync('ps', ['-axo', 'pid=,pgid=,stat='], { encoding: 'utf8' }).trim().split('\n');
    return lines.map((line) => {
      const [pid, group, state] = line.trim().split(/\s+/);
      return { pid: Number(pid), group: Number(group), ended: state?.startsWith('Z') ?? false };
    });
  }
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => readProcess(Number(pid)) ?? []);
}

function readProcess(pid: number): ProcessEntry | undefined {
  let stat: string;
  try {
    stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    // It ended between the listing and this look.
    return undefined;
  }
  const [state, , group] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { pid, group: Number(group), ended: state === 'Z' || state === 'X' };
}
