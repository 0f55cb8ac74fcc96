/** Makes what the gateway serves, the Worker bundle and the console, unless it is there and newer than its sources. */
import { mkdir, readdir, rename } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Failure } from '../failure.ts';
import type { ProjectPaths } from '../paths.ts';
import type { Children } from '../processes/children.ts';
import { tellExit } from '../processes/children.ts';
import { readTail } from '../processes/log-tail.ts';
import { isFresh } from './freshness.ts';
import { publish } from './publish.ts';

export interface Builder {
  project: ProjectPaths;
  children: Children;
  /** Gets the output of the tools. */
  logFile: string;
  say: (line: string) => void;
}

const ENTRY = 'index.js';
const WORKER_SOURCES = ['worker', 'protocol', 'text', 'wrangler.toml', 'wrangler.trial.toml', 'package-lock.json'];
const CONSOLE_SOURCES = ['console', 'client', 'protocol', 'package-lock.json'];
const TAIL_LINES = 20;
/** Of the tool's own stack, which tells nothing about our sources. */
const STACK_LINE = /^\s+at /;

/** Whatever runs us, a test runner for one, the outputs are those of every day. */
const BUILD_ENVIRONMENT = { NODE_ENV: 'production', NO_COLOR: '1' };

const QUIET_WRANGLER = {
  WRANGLER_SEND_METRICS: 'false',
  WRANGLER_SEND_ERROR_REPORTS: 'false',
  // The banner asks the npm registry for a newer version.
  WRANGLER_HIDE_BANNER: 'true',
  WRANGLER_WRITE_LOGS: 'false',
};

/** @throws Failure with the end of the tool's output. */
export async function build(builder: Builder): Promise<void> {
  await Promise.all([buildWorkers(builder), buildConsole(builder)]);
}

/** One after the other: on two cores the console's build beside them is enough. */
async function buildWorkers(builder: Builder): Promise<void> {
  const { project } = builder;
  // A folder without assets stands in for the console, which may be in the middle of its own build.
  const noAssets = join(project.root, 'dist/.build/no-assets');
  await mkdir(noAssets, { recursive: true });
  const { wranglerConfig, workerBundle, trialConfig, trialBundle } = project;
  await buildWorker(builder, 'the Worker', {
    config: wranglerConfig,
    bundle: workerBundle,
    flags: ['--assets', noAssets],
  });
  await buildWorker(builder, 'the trial Worker', { config: trialConfig, bundle: trialBundle, flags: [] });
}

interface WorkerBuild {
  config: string;
  bundle: string;
  flags: string[];
}

async function buildWorker(builder: Builder, what: string, { config, bundle, flags }: WorkerBuild): Promise<void> {
  const { project } = builder;
  if (await isFresh(join(bundle, ENTRY), sourcesIn(project, WORKER_SOURCES))) return;
  builder.say(`building ${what}`);
  const wrangler = createRequire(join(project.root, 'package.json')).resolve('wrangler');
  await publish(bundle, ENTRY, async (folder) => {
    await runTool(builder, what, {
      args: ['--no-warnings', wrangler, 'deploy', '--dry-run', '--config', config, '--outdir', folder, ...flags],
      env: QUIET_WRANGLER,
    });
    await renameEntry(folder);
    const writeOptions = fileURLToPath(new URL('write-options.ts', import.meta.url));
    await runTool(builder, `the options of ${what}`, {
      args: ['--no-warnings', writeOptions, config, join(folder, 'options.json')],
      env: QUIET_WRANGLER,
    });
  });
}

/** wrangler names the bundle after its entry; here it is `index.js` whatever that is. */
async function renameEntry(folder: string): Promise<void> {
  const [script] = (await readdir(folder)).filter((name) => name.endsWith('.js'));
  if (script !== undefined && script !== ENTRY) await rename(join(folder, script), join(folder, ENTRY));
}

async function buildConsole(builder: Builder): Promise<void> {
  const { project } = builder;
  if (await isFresh(join(project.consoleBundle, 'index.html'), sourcesIn(project, CONSOLE_SOURCES))) return;
  builder.say('building the console');
  const vite = createRequire(join(project.console, 'package.json')).resolve('vite/package.json');
  await publish(project.consoleBundle, 'index.html', (folder) =>
    runTool(builder, 'the console', {
      args: [join(vite, '../bin/vite.js'), 'build', '--outDir', folder, '--emptyOutDir', '--logLevel', 'warn'],
      cwd: project.console,
    }),
  );
}

function sourcesIn(project: ProjectPaths, names: string[]): string[] {
  return names.map((name) => join(project.root, name));
}

interface Tool {
  args: string[];
  cwd?: string;
  env?: Record<string, string>;
}

async function runTool({ project, children, logFile }: Builder, what: string, tool: Tool): Promise<void> {
  const { exit, logOffset } = await children.run({
    cwd: project.root,
    ...tool,
    env: { ...BUILD_ENVIRONMENT, ...tool.env },
    logFile,
  });
  if (exit.code === 0) return;
  const lines = await readTail(logFile, logOffset, 2 * TAIL_LINES);
  const output = lines
    .filter((line) => !STACK_LINE.test(line))
    .slice(-TAIL_LINES)
    .join('\n');
  throw new Failure(`building ${what} failed: the tool ${tellExit(exit)} and wrote\n\n${output}`);
}
