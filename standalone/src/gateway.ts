/** The gateway itself: the Worker bundle in workerd, on a socket of its own, the console beside it. */
import { createWriteStream } from 'node:fs';
import { cp, readdir, readFile, rename, rm } from 'node:fs/promises';
import { extname, join } from 'node:path';
import type { V4ModuleDefinition, V4WorkerOptions } from 'miniflare';
import { z } from 'zod';
import { tracingVariables } from './config.ts';
import { Failure, sentenceOf } from './failure.ts';
import type { HomePaths, ProjectPaths } from './paths.ts';
import { HOST } from './preflight.ts';
import { startWorkerd, type Workerd } from './processes/workerd.ts';
import type { Secrets } from './secrets/secrets.ts';

const MODULE_TYPES: Record<string, V4ModuleDefinition['type']> = {
  '.js': 'ESModule',
  '.wasm': 'CompiledWasm',
  '.bin': 'Data',
  '.txt': 'Text',
  '.html': 'Text',
  '.sql': 'Text',
};

const ASSETS_WORKER = 'console';
/** As wrangler.trial.toml names it and wrangler.toml binds it. */
const TRIAL_WORKER = 'lepton-edge-trial';

const StoredDatabase = z.object({ id: z.string() });

/** The parts of the built `options.json` that are changed here; the rest is passed on as it is. */
const BuiltOptions = z.looseObject({
  bindings: z.record(z.string(), z.json()).default({}),
  serviceBindings: z.record(z.string(), z.json()).default({}),
  d1Databases: z.object({ DB: StoredDatabase }).catchall(StoredDatabase),
  assets: z.looseObject({}),
  compatibilityDate: z.string(),
});
type BuiltOptions = z.infer<typeof BuiltOptions>;

const TrialOptions = z.looseObject({});

/** Reads wrangler.toml as it was built. */
export async function readOptions(project: ProjectPaths): Promise<BuiltOptions> {
  return BuiltOptions.parse(JSON.parse(await readFile(join(project.workerBundle, 'options.json'), 'utf8')));
}

export interface GatewayOptions {
  project: ProjectPaths;
  paths: HomePaths;
  port: number;
  secrets: Secrets;
  /** Replace variables of wrangler.toml. */
  vars: Record<string, string>;
  built: BuiltOptions;
  own: (stop: () => Promise<void>) => void;
}

/** @throws Failure when workerd does not start. */
export async function startGatewayWorker(options: GatewayOptions): Promise<Workerd> {
  const { paths, project } = options;
  await copyConsole(project, paths);
  const log = createWriteStream(paths.log('gateway'), { flags: 'a', mode: 0o600 });
  try {
    return await startWorkerd(
      {
        state: paths.state,
        workers: [await gatewayWorker(options), consoleWorker(options), await trialWorker(options)],
        onLog: ({ timestamp, level, message }) => {
          log.write(`${JSON.stringify({ time: new Date(timestamp).toISOString(), level, message })}\n`);
        },
      },
      options.own,
    );
  } catch (cause) {
    throw new Failure(`the gateway did not start: ${sentenceOf(cause)}`, { cause });
  }
}

async function gatewayWorker({ project, port, secrets, vars, built }: GatewayOptions): Promise<V4WorkerOptions> {
  // Assets on this Worker would send its socket through Miniflare's assets proxy, at a ninth of the speed.
  const { assets: _, modulesRules: __, ...rest } = built;
  return {
    ...rest,
    name: 'gateway',
    rootPath: project.root,
    modulesRoot: project.workerBundle,
    modules: await modulesIn(project.workerBundle),
    bindings: {
      ...built.bindings,
      ALLOW_PRIVATE_NODES: 'true',
      // There is one isolate, and to store something in Miniflare's takes workerd 4 ms.
      COLO_CACHE: 'false',
      PUBLIC_URL: `http://${HOST}:${port}`,
      ...tracingVariables(),
      ...vars,
      GATEWAY_KEYS: secrets.gatewayKeys,
    },
    // The Worker's own `fetch` would go through a second Worker, which Miniflare puts before every network.
    serviceBindings: {
      ...built.serviceBindings,
      ASSETS: ASSETS_WORKER,
      NETWORK: { network: { allow: ['public', 'private'], tlsOptions: { trustBrowserCas: true } } },
    },
    unsafeDirectSockets: [{ host: HOST, port }],
  };
}

/** Where uploaded models are tried: the same database of files, a heap of its own. */
async function trialWorker({ project }: GatewayOptions): Promise<V4WorkerOptions> {
  const { modulesRules: _, ...options } = TrialOptions.parse(
    JSON.parse(await readFile(join(project.trialBundle, 'options.json'), 'utf8')),
  );
  return {
    ...options,
    name: TRIAL_WORKER,
    rootPath: project.root,
    modulesRoot: project.trialBundle,
    modules: await modulesIn(project.trialBundle),
  };
}

function consoleWorker({ paths, built }: GatewayOptions): V4WorkerOptions {
  const { binding: _, run_worker_first: __, routerConfig: ___, ...assets } = built.assets;
  return {
    name: ASSETS_WORKER,
    compatibilityDate: built.compatibilityDate,
    modules: [{ type: 'ESModule', path: 'console.js', contents: 'export default {}' }],
    assets: { ...assets, directory: paths.console, routerConfig: { has_user_worker: false } },
  };
}

/** The entry first: Miniflare takes the first module for the main one. */
async function modulesIn(folder: string): Promise<V4ModuleDefinition[]> {
  const names = (await readdir(folder)).sort((a, b) => Number(b === 'index.js') - Number(a === 'index.js'));
  return names.flatMap((name) => {
    const type = MODULE_TYPES[extname(name)];
    return type ? [{ type, path: join(folder, name) }] : [];
  });
}

/** The console is served from a copy: a later build must not take files from under a running gateway. */
async function copyConsole(project: ProjectPaths, paths: HomePaths): Promise<void> {
  const fresh = `${paths.console}.new`;
  await rm(fresh, { recursive: true, force: true });
  await cp(project.consoleBundle, fresh, { recursive: true });
  await rm(paths.console, { recursive: true, force: true });
  await rename(fresh, paths.console);
}
