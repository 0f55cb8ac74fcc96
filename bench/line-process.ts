/** A program of the benchmark as a process of its own, which is asked and answers by lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface, type Interface } from 'node:readline';
import { ROOT } from '../test/support/program.ts';

/** Source: proc_pid_stat(5); counted from the field behind the name. */
const UTIME = 11;
const TICKS_PER_SECOND = 100;

export class LineProcess {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  private constructor(child: ChildProcess, lines: Interface) {
    this.#child = child;
    this.#lines = lines[Symbol.asyncIterator]();
  }

  static start(...args: string[]): LineProcess {
    const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ['pipe', 'pipe', 'inherit'] });
    if (!child.stdout) throw new Error('the program has no output');
    return new LineProcess(child, createInterface({ input: child.stdout }));
  }

  /** The first line from here on that has the words in it. */
  async line(words = ''): Promise<string> {
    for (;;) {
      const { value, done } = await this.#lines.next();
      if (done) throw new Error(`the program ended before it said "${words}"`);
      if (value.includes(words)) return value;
    }
  }

  async ask<T>(question: unknown): Promise<T> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return JSON.parse(await this.line('{')) as T;
  }

  /** Seconds of CPU time, of all its threads, since its start; NaN where the system does not tell. */
  cpuSeconds(): number {
    try {
      const stat = readFileSync(`/proc/${this.#child.pid}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return (Number(fields[UTIME]) + Number(fields[UTIME + 1])) / TICKS_PER_SECOND;
    } catch {
      return Number.NaN;
    }
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}
