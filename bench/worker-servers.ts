/** Workers of the benchmark, bundled as the gateway is and run as the gateway is: by Miniflare's workerd, on a socket of their own. */
import { execFile } from 'node:child_process';
import { cp, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { isFresh } from '../standalone/src/build/freshness.ts';
import { publish } from '../standalone/src/build/publish.ts';
import { childEnvironment } from '../standalone/src/config.ts';
import { readOptions, startGatewayWorker } from '../standalone/src/gateway.ts';
import { homePaths, projectPaths } from '../standalone/src/paths.ts';
import { findFreePort, HOST } from '../standalone/src/preflight.ts';
import { startWorkerd, type Workerd } from '../standalone/src/processes/workerd.ts';
import { loadSecrets } from '../standalone/src/secrets/secrets.ts';
import { ROOT } from '../test/support/program.ts';
import type { Bench } from './bench.ts';

const ENTRY = 'index.js';
const SOURCES = ['bench/workers', 'worker', 'protocol', 'text', 'wrangler.toml', 'package-lock.json'];

type BenchWorker = 'floor' | 'bare-run';

/** A Worker, and its address. */
export interface WorkerServer {
  url: string;
  stop(): Promise<void>;
}

/** @returns the folder of the bundle, made anew when it is older than its sources */
async function bundleOf(name: BenchWorker): Promise<string> {
  const bundle = join(ROOT, 'dist', `bench-${name}`);
  const sources = SOURCES.map((source) => join(ROOT, source));
  if (await isFresh(join(bundle, ENTRY), sources)) return bundle;
  await publish(bundle, ENTRY, async (folder) => {
    const config = join(folder, 'wrangler.toml');
    await writeFile(config, await configFor(name));
    const wrangler = createRequire(join(ROOT, 'package.json')).resolve('wrangler');
    const quiet = { WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true', WRANGLER_WRITE_LOGS: 'false' };
    const args = ['--no-warnings', wrangler, 'deploy', '--dry-run', '--config', config, '--outdir', folder];
    await promisify(execFile)(process.execPath, args, { cwd: ROOT, env: childEnvironment(quiet) });
    const [script = ''] = (await readdir(folder)).filter((file) => file.endsWith('.js'));
    await rename(join(folder, script), join(folder, ENTRY));
    await cp(join(projectPaths().workerBundle, 'options.json'), join(folder, 'options.json'));
  });
  return bundle;
}

/** That of the gateway for another entry; the floor has none of its bindings. */
async function configFor(name: BenchWorker): Promise<string> {
  const config = await readFile(projectPaths().wranglerConfig, 'utf8');
  const main = `main = ${JSON.stringify(join(ROOT, `bench/workers/${name}.ts`))}`;
  const text = config.replace(/^main = .*$/m, main);
  return name === 'floor' ? text.slice(0, text.indexOf('\n[')) : text.replace(/^\[assets\]\n(?:.+\n)+/m, '');
}

/** @param state where its Cache API keeps what it keeps */
export async function startFloor(port: number, state: string): Promise<WorkerServer> {
  const bundle = await bundleOf('floor');
  const { compatibilityDate } = await readOptions(projectPaths());
  const worker = {
    name: 'floor',
    compatibilityDate,
    modulesRoot: bundle,
    modules: [{ type: 'ESModule' as const, path: join(bundle, ENTRY) }],
    // As the gateway has it.
    serviceBindings: { NETWORK: { network: { allow: ['public', 'private'] } } },
    unsafeDirectSockets: [{ host: HOST, port }],
  };
  const workerd = await startWorkerd({ state, workers: [worker] }, () => undefined);
  return serverOf(workerd, port);
}

/** One that serves for as long as a subject is measured. */
export async function floorOf(bench: Bench): Promise<WorkerServer> {
  return bench.own(await startFloor(await findFreePort(), join(bench.folder, 'floor')));
}

/** The gateway with the route `/bare`, on the home of a gateway that has ended. */
export async function startBareRun(home: string, port: number): Promise<WorkerServer> {
  const project = { ...projectPaths(), workerBundle: await bundleOf('bare-run') };
  const paths = homePaths(home);
  const [secrets, built] = await Promise.all([loadSecrets(paths), readOptions(project)]);
  const own = () => undefined;
  return serverOf(await startGatewayWorker({ project, paths, port, secrets, vars: {}, built, own }), port);
}

function serverOf(workerd: Workerd, port: number): WorkerServer {
  return {
    url: `http://${HOST}:${port}`,
    async stop() {
      await workerd.stop();
      await workerd.exited;
    },
  };
}
