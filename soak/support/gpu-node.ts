/** A gpu-node as a program on a home of its own: joined to a gateway, ended in several ways, started again. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeptonClient } from '@lepton-edge/client';
import type { Node } from '@lepton-edge/protocol';
import { findFreePort } from '../../standalone/src/preflight.ts';
import { Program, type ProgramExit } from '../../test/support/program.ts';

export interface GpuNodeOptions {
  name: string;
  home: string;
  flags?: readonly string[];
  env?: Record<string, string>;
  /** A shell's command line that ends by executing what `"$@"` says; absent: nothing stands before the program. */
  shell?: string;
}

const READY_WITHIN_MS = 60_000;
const POLL_MS = 50;

export class GpuNode {
  readonly name: string;
  readonly home: string;
  readonly #client: () => LeptonClient;
  readonly #options: GpuNodeOptions;
  #program: Program | undefined;
  #port: number | undefined;

  /** @param client of an administrator */
  constructor(client: () => LeptonClient, options: GpuNodeOptions) {
    this.name = options.name;
    this.home = options.home;
    this.#client = client;
    this.#options = options;
  }

  get pid(): number {
    return this.#running.pid;
  }

  get output(): string {
    return this.#running.output;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  get #running(): Program {
    if (!this.#program) throw new Error(`${this.name} was not started`);
    return this.#program;
  }

  /** Resolves when the gateway gives it work. @returns how long that took, in ms */
  async start(): Promise<number> {
    const { name, home, flags = [], env = {}, shell } = this.#options;
    const began = performance.now();
    this.#port ??= await findFreePort();
    const { token } = await this.#client().nodes.createToken();
    const fixed = ['--gateway', this.#client().baseUrl, '--home', home, '--name', name, '--port', String(this.#port)];
    const command = [process.execPath, 'gpu-node/src/main.ts', ...fixed, '--webgpu', 'off', ...flags];
    const [program = '', ...args] = shell === undefined ? command : ['sh', '-ec', shell, 'sh', ...command];
    this.#program = Program.run(program, args, { LEPTON_TOKEN: token, ...env });
    await this.#untilJoined();
    await this.untilReady();
    return performance.now() - began;
  }

  /** Resolves when the gateway gives it work. @param since when it has heard it last, at the earliest @throws Error when it does not in a minute */
  async untilReady(since = 0): Promise<void> {
    await until(`${this.name} is ready`, async () => {
      const seen = await this.seen();
      return seen?.state === 'ready' && Date.parse(seen.lastSeenAt ?? '') >= since;
    });
  }

  /** As the gateway lists it; undefined where it does not, or cannot be reached. */
  async seen(): Promise<Node | undefined> {
    const list = await this.#client()
      .nodes.list({ retries: 0 })
      .catch(() => undefined);
    return list?.items.find(({ name }) => name === this.name);
  }

  /** To the program, and whatever it has started. */
  async kill(): Promise<void> {
    this.#running.signalGroup('SIGKILL');
    await this.#running.exited;
  }

  async terminate(): Promise<ProgramExit> {
    this.#running.signal('SIGTERM');
    return await this.#running.exited;
  }

  freeze(): void {
    this.#running.signalGroup('SIGSTOP');
  }

  thaw(): void {
    this.#running.signalGroup('SIGCONT');
  }

  /** The processes it has started. */
  async children(): Promise<number[]> {
    const others = this.#running.processes().filter((pid) => pid !== this.pid);
    const parents = await Promise.all(others.map(async (pid) => [pid, await parentOf(pid)] as const));
    return parents.flatMap(([pid, parent]) => (parent === this.pid ? [pid] : []));
  }

  /** Whatever is left of it. */
  async destroy(): Promise<void> {
    await this.#program?.destroy();
  }

  async #untilJoined(): Promise<void> {
    const ended = this.#running.exited.then(() => true);
    while (!this.output.includes('"msg":"joined"')) {
      if (await Promise.race([ended, sleep(POLL_MS, false)])) throw new Error(`${this.name} ended:\n${this.output}`);
    }
  }
}

/** @throws Error when it is not so in that time, a minute by default */
export async function until(what: string, isSo: () => Promise<boolean>, withinMs = READY_WITHIN_MS): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await isSo())) {
    if (performance.now() > deadline) throw new Error(`not so after ${withinMs / 1000} s: ${what}`);
    await sleep(POLL_MS);
  }
}

async function parentOf(pid: number): Promise<number> {
  const stat = await readFile(join('/proc', String(pid), 'stat'), 'utf8').catch(() => '');
  return Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
}
