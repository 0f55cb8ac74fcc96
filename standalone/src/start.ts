/** The whole gateway, started step by step and ended as a whole: what `npm start` and the tests run. */
import { rm } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { GatewayError, LeptonClient } from '@lepton-edge/client';
import { build } from './build/build.ts';
import type { Config } from './config.ts';
import { prepareDatabase } from './database/prepare.ts';
import { type FirstRun, runExamples } from './examples/first-runs.ts';
import { loadExamples } from './examples/load.ts';
import { Failure, sentenceOf } from './failure.ts';
import { startFleet } from './fleet.ts';
import { readOptions, startGatewayWorker } from './gateway.ts';
import { lockHome } from './lock.ts';
import { homePaths, type ProjectPaths, projectPaths } from './paths.ts';
import { HOST, prepareHome, requireFreePort } from './preflight.ts';
import { Children, tellExit } from './processes/children.ts';
import { endLeftovers } from './processes/leftovers.ts';
import type { Workerd } from './processes/workerd.ts';
import { loadSecrets } from './secrets/secrets.ts';
import { writeFileAtomically } from './write-file.ts';

/** How long a child has after SIGTERM; everything is to be gone within 5 s. */
const CHILD_GRACE_MS = 3_000;
const SIGNAL_GRACE_MS = 250;
const LEFTOVER_PORT_MS = 3_000;

export interface StartOptions extends Omit<Config, 'help'> {
  /** Gets a line of progress or news, without its end of line. */
  say: (line: string) => void;
  /** Ends the start where it stands, or the running gateway. */
  signal: AbortSignal;
  project?: ProjectPaths;
}

export interface RunningGateway {
  url: string;
  adminKeyPath: string;
  /** The first inferences on the examples; empty when none were wanted. */
  runs: FirstRun[];
  /** Rejects with a Failure when the gateway cannot go on; resolves at the signal. Then call `stop`. */
  ended: Promise<void>;
  stop(): Promise<void>;
}

/**
 * Resolves when everything serves. When it rejects, whatever had been started is gone.
 * @throws Failure with one sentence for the terminal; the signal's reason when that was raised.
 */
export async function startGateway(options: StartOptions): Promise<RunningGateway> {
  const { signal } = options;
  const teardown = new AsyncDisposableStack();
  const started = startInOrder(options, teardown);
  // At the signal the steps are left behind where they are: without their children they fail on their own.
  started.catch(() => {});
  const stopped = abortion(signal);
  try {
    return await Promise.race([started, stopped]);
  } catch (error) {
    await Promise.race([sleep(SIGNAL_GRACE_MS), stopped.catch(() => {})]);
    await teardown.disposeAsync();
    throw signal.aborted ? signal.reason : error;
  }
}

async function startInOrder(options: StartOptions, teardown: AsyncDisposableStack): Promise<RunningGateway> {
  const { port, say, signal } = options;
  const project = options.project ?? projectPaths();
  const paths = homePaths(options.home);
  const url = `http://${HOST}:${port}`;
  const own = (stop: () => Promise<void>) => teardown.defer(stop);

  await prepareHome(paths);
  own(await lockHome(paths.lock, url));
  const leftovers = await endLeftovers(paths.run, say);
  await requireFreePort(port, leftovers > 0 ? LEFTOVER_PORT_MS : 0);

  const children = new Children();
  own(() => children.stopAll(CHILD_GRACE_MS));
  await build({ project, children, logFile: paths.log('build'), say });
  signal.throwIfAborted();

  const secrets = await loadSecrets(paths);
  const built = await readOptions(project);
  const { state } = paths;
  const { migrations } = project;
  await prepareDatabase({ databaseId: built.d1Databases.DB.id, state, migrations, adminKey: secrets.adminKey }, own);
  signal.throwIfAborted();

  const workerd = await startGatewayWorker({ project, paths, port, secrets, vars: options.vars, built, own });
  await writeFileAtomically(paths.pid('workerd'), `${workerd.pid}\n`);
  own(() => rm(paths.pid('workerd'), { force: true }));
  const client = new LeptonClient({ baseUrl: url, key: secrets.adminKey });
  await requireAnswer(client, paths.adminKey);

  const stopping = new AbortController();
  // What is owned last ends first: the nodes while the gateway still listens to them.
  own(() => children.stopAll(CHILD_GRACE_MS));
  own(async () => stopping.abort());
  const died = workerdDied(workerd, stopping.signal);
  const fleet = { count: options.nodes, client, gatewayUrl: url, project, paths, children, say };
  const supervise = await whileAlive(died, startFleet({ ...fleet, signal: stopping.signal }));
  const runs = options.examples ? await whileAlive(died, firstRuns(options, client, paths.examples)) : [];
  const asked = abortion(signal).catch(() => {});
  const ended = Promise.race([died, asked, supervise().then(() => asked)]);
  return { url, adminKeyPath: paths.adminKey, runs, ended, stop: () => teardown.disposeAsync() };
}

async function requireAnswer(client: LeptonClient, adminKeyPath: string): Promise<void> {
  try {
    await client.models.list({ limit: 1 });
  } catch (cause) {
    const refused = cause instanceof GatewayError && cause.status === 401;
    const hint = refused
      ? `; the key in ${adminKeyPath} may be revoked: move it away, and the next start makes a new one`
      : '';
    throw new Failure(`the gateway does not serve: ${sentenceOf(cause)}${hint}`, { cause });
  }
}

async function firstRuns({ say, signal }: StartOptions, client: LeptonClient, folder: string): Promise<FirstRun[]> {
  // Loaded late: a start without examples does without their code and data.
  const { buildExample, examples } = await import('@lepton-edge/examples');
  await loadExamples(examples, { client, say, signal, build: (example) => buildExample(example, folder) });
  return runExamples(examples, { client, folder, signal });
}

/** Rejects when workerd ends though nobody is stopping it. */
async function workerdDied(workerd: Workerd, stopping: AbortSignal): Promise<never> {
  const exit = await workerd.exited;
  // A signal to the whole process group may reach workerd a moment before us.
  await sleep(SIGNAL_GRACE_MS);
  if (stopping.aborted) return new Promise(() => {});
  throw new Failure(`workerd (process ${workerd.pid}) ${tellExit(exit)}: the gateway cannot go on without it`);
}

/** A step that fails because workerd died tells of that, not of the answer that it missed. */
async function whileAlive<T>(died: Promise<never>, step: Promise<T>): Promise<T> {
  try {
    return await Promise.race([died, step]);
  } catch (error) {
    await Promise.race([died, sleep(2 * SIGNAL_GRACE_MS)]);
    throw error;
  }
}

function abortion(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    else signal.addEventListener('abort', abort, { once: true });
  });
}
