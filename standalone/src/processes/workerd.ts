/** Miniflare as a library, watched: it restarts a workerd that died without a word, and we must hear of it. */
import type { ChildProcess } from 'node:child_process';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import { basename } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { convertV4MiniflareOptions, Miniflare, NoOpLog, type V4WorkerOptions } from 'miniflare';
import type { Exit } from './children.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const DISPOSE_MS = 1_000;

export interface WorkerdOptions {
  workers: V4WorkerOptions[];
  /** The folder for D1, R2 and Durable Objects. */
  state: string;
  /** Gets every line the Workers log. */
  onLog?: (line: { timestamp: number; level: string; message: string }) => void;
}

export interface Workerd {
  miniflare: Miniflare;
  pid: number;
  /** Settles when the process ends, for whatever reason. */
  exited: Promise<Exit>;
  stop(): Promise<void>;
}

/**
 * Starts workerd and waits until its sockets listen.
 * @param own takes the duty to stop it as soon as there is something to stop, which is before this returns.
 */
export async function startWorkerd(
  options: WorkerdOptions,
  own: (stop: () => Promise<void>) => void,
): Promise<Workerd> {
  const found = Promise.withResolvers<ChildProcess>();
  const unwatch = watchForWorkerd(found.resolve);
  const listeners = SIGNALS.map((signal) => new Set(process.listeners(signal)));
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({
      host: '127.0.0.1',
      port: 0,
      // Without a fixed one Miniflare asks a public host for it.
      cf: {},
      telemetry: { enabled: false },
      logRequests: false,
      log: new NoOpLog(),
      handleStructuredLogs: options.onLog ?? (() => {}),
      resourcePersistencePath: options.state,
      workers: options.workers,
    }),
  );
  // Miniflare exits by itself on a signal, with a failure's status; how this program ends is main.ts's to decide.
  SIGNALS.forEach((signal, i) => {
    for (const listener of process.listeners(signal)) {
      if (!listeners[i]?.has(listener)) process.off(signal, listener);
    }
  });
  let child: ChildProcess | undefined;
  let stopped: Promise<void> | undefined;
  // It fails as the start did, where that failed: which `ready` has told.
  const dispose = () =>
    miniflare.dispose().catch((error: unknown) => {
      if (child) throw error;
    });
  const stop = () => {
    stopped ??= Promise.race([dispose(), sleep(DISPOSE_MS, undefined, { ref: false })]).finally(() =>
      child?.kill('SIGKILL'),
    );
    return stopped;
  };
  own(stop);
  try {
    await miniflare.ready;
    child = await found.promise;
  } finally {
    unwatch();
  }
  return { miniflare, pid: child.pid ?? 0, exited: exitOf(child), stop };
}

async function exitOf(child: ChildProcess): Promise<Exit> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  return { code: child.exitCode, signal: child.signalCode };
}

/** Miniflare does not hand out its process: Node tells of every one that is spawned. */
function watchForWorkerd(onFound: (child: ChildProcess) => void): () => void {
  const listener = (message: unknown) => {
    const child = (message as { process: ChildProcess }).process;
    // The message comes before the command is known.
    child.once('spawn', () => {
      if (basename(child.spawnfile).startsWith('workerd')) onFound(child);
    });
  };
  subscribe('child_process', listener);
  return () => unsubscribe('child_process', listener);
}
