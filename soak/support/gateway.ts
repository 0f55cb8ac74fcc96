/** A gateway of its own, as a program on one home: started, killed in several ways, started again. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LeptonClient } from '@lepton-edge/client';
import { Program } from '../../test/support/program.ts';

export interface GatewayOptions {
  home: string;
  port: number;
  nodes: number;
  /** Replace variables of wrangler.toml. */
  vars: Record<string, string>;
  env?: Record<string, string>;
}

/** What is killed: workerd, the program around it, or all of its processes at once. */
export type Kill = 'workerd' | 'standalone' | 'group';

export class SoakGateway {
  readonly url: string;
  readonly home: string;
  /** `--var` flags of the next start. */
  vars: Record<string, string>;
  readonly #options: GatewayOptions;
  readonly #programs: Program[] = [];
  #key = '';

  constructor(options: GatewayOptions) {
    this.#options = options;
    this.home = options.home;
    this.vars = options.vars;
    this.url = `http://127.0.0.1:${options.port}`;
  }

  get #program(): Program {
    const program = this.#programs.at(-1);
    if (!program) throw new Error('the gateway was not started');
    return program;
  }

  get key(): string {
    return this.#key;
  }

  /** What the program that runs now has said. */
  get output(): string {
    return this.#program.output;
  }

  /** Resolves when it serves. @returns how long that took, in ms */
  async start(): Promise<number> {
    const { port, nodes, home, env } = this.#options;
    const vars = Object.entries(this.vars).flatMap(([name, value]) => ['--var', `${name}=${value}`]);
    const flags = ['--port', String(port), '--home', home, '--nodes', String(nodes), '--no-examples', ...vars];
    const began = performance.now();
    this.#programs.push(Program.run(process.execPath, ['standalone/src/main.ts', ...flags], env));
    await this.#program.line(`ready ${this.url}`);
    this.#key = (await readFile(join(home, 'admin.key'), 'utf8')).trim();
    return performance.now() - began;
  }

  client(retries?: number): LeptonClient {
    return new LeptonClient({ baseUrl: this.url, key: this.#key, retries });
  }

  async workerdPid(): Promise<number> {
    return Number(await readFile(join(this.home, 'run', 'workerd.pid'), 'utf8'));
  }

  /** With SIGKILL; resolves when the program has ended. What `standalone` leaves behind, the next start ends. */
  async kill(what: Kill): Promise<void> {
    if (what === 'workerd') process.kill(await this.workerdPid(), 'SIGKILL');
    else if (what === 'group') this.#program.signalGroup('SIGKILL');
    else this.#program.signal('SIGKILL');
    await this.#program.exited;
  }

  /** As a service manager ends it. */
  async stop(): Promise<void> {
    this.#program.signal('SIGTERM');
    await this.#program.exited;
  }

  /** Whatever is left of any start. */
  async destroy(): Promise<void> {
    await Promise.all(this.#programs.map((program) => program.destroy()));
  }
}
