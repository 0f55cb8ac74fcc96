/** A program of the benchmark as a process of its own, which is asked and answers by lines. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { usageOf } from '../gpu-node/src/trial/process-usage.ts';
import { ROOT } from '../test/support/program.ts';

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

  /** CPU time, of all its threads, since its start; NaN where the system does not tell. */
  async cpuMs(): Promise<number> {
    return (await usageOf(this.#child.pid))?.cpuMs ?? Number.NaN;
  }

  async stop(): Promise<void> {
    const exited = once(this.#child, 'exit');
    this.#child.kill('SIGTERM');
    await exited;
  }
}
