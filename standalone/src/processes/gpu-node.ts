/** One gpu-node under supervision: started with a token of its own, started again whenever it ends. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { Failure } from '../failure.ts';
import type { HomePaths, ProjectPaths } from '../paths.ts';
import { findFreePort, HOST } from '../preflight.ts';
import { writeFileAtomically } from '../write-file.ts';
import { Backoff } from './backoff.ts';
import { type Child, type Children, type Exit, tellExit } from './children.ts';
import { readTail, reasonIn } from './log-tail.ts';

/** Ctrl-C reaches the whole process group, and a node may be gone before we hear of it ourselves. */
const SIGNAL_GRACE_MS = 250;
const TAIL_LINES = 20;
/** Less than a child is given to end. */
const DRAIN_SECONDS = 2;

export interface GpuNodeOptions {
  name: string;
  gatewayUrl: string;
  project: ProjectPaths;
  paths: HomePaths;
  children: Children;
  /** A one-time token to join with. */
  createToken: () => Promise<string>;
  say: (line: string) => void;
  /** Aborted when the gateway stops: from then on an end is no news. */
  signal: AbortSignal;
}

export class GpuNode {
  readonly name: string;
  readonly #options: GpuNodeOptions;
  readonly #port: number;
  #child: Child;

  private constructor(options: GpuNodeOptions, port: number, child: Child) {
    this.name = options.name;
    this.#options = options;
    this.#port = port;
    this.#child = child;
  }

  static async start(options: GpuNodeOptions): Promise<GpuNode> {
    const port = await findFreePort();
    return new GpuNode(options, port, await spawnNode(options, port));
  }

  /** Rejects with a Failure that says why when the process ends; to be raced with its becoming ready. */
  async failedToStart(): Promise<never> {
    const exit = await this.#child.exited;
    const log = this.#options.paths.log(this.name);
    const reason = reasonIn(await readTail(log, this.#child.logOffset, TAIL_LINES));
    throw new Failure(`the gpu-node ${this.name} ${tellExit(exit)} while it started: ${reason} (its log is ${log})`);
  }

  /** Starts the process again whenever it ends, until the signal. */
  async supervise(): Promise<void> {
    const { signal } = this.#options;
    const backoff = new Backoff();
    try {
      for (;;) {
        const startedAt = performance.now();
        const exit = await this.#child.exited;
        await sleep(SIGNAL_GRACE_MS, undefined, { signal });
        const delayMs = backoff.after(performance.now() - startedAt);
        this.#tell(exit, delayMs);
        await sleep(delayMs - SIGNAL_GRACE_MS, undefined, { signal });
        this.#child = await this.#startAgain(backoff);
      }
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }

  async #startAgain(backoff: Backoff): Promise<Child> {
    for (;;) {
      try {
        return await spawnNode(this.#options, this.#port);
      } catch (error) {
        this.#options.signal.throwIfAborted();
        const delayMs = backoff.after(0);
        const reason = error instanceof Error ? error.message : String(error);
        this.#options.say(`${this.name} could not be started again: ${reason}; next try in ${delayMs / 1000} s`);
        await sleep(delayMs, undefined, { signal: this.#options.signal });
      }
    }
  }

  #tell(exit: Exit, delayMs: number): void {
    const { say, paths } = this.#options;
    const seconds = delayMs / 1000;
    say(
      `${this.name} (gpu-node, process ${this.#child.pid}) ${tellExit(exit)}: starting it again in ${seconds} s (its log is ${paths.log(this.name)})`,
    );
  }
}

async function spawnNode(options: GpuNodeOptions, port: number): Promise<Child> {
  const { name, paths, project } = options;
  const home = paths.nodeHome(name);
  const child = await options.children.spawn({
    args: [
      project.gpuNode,
      ...['--gateway', options.gatewayUrl],
      ...['--name', name],
      ...['--home', home],
      ...['--host', HOST],
      ...['--port', String(port)],
      ...['--drain-seconds', String(DRAIN_SECONDS)],
    ],
    cwd: project.root,
    // Not an argument: everybody on the machine can read those.
    env: { LEPTON_TOKEN: await options.createToken() },
    logFile: paths.log(name),
  });
  await writeFileAtomically(paths.pid(name), `${child.pid}\n`);
  void child.exited.then(() => rm(paths.pid(name), { force: true }));
  return child;
}
