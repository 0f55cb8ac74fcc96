/** Where things lie: the project's folders and the home's files, named once. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository: sources, and the build outputs that `npm start` refreshes. */
export function projectPaths(root: string = fileURLToPath(new URL('../..', import.meta.url))) {
  return {
    root,
    migrations: join(root, 'migrations'),
    wranglerConfig: join(root, 'wrangler.toml'),
    /** The Worker as uploaded: `index.js`, its `.wasm`, and `options.json`, wrangler.toml as Miniflare options. */
    workerBundle: join(root, 'dist/worker'),
    /** The Worker that models are tried in, in the same form. */
    trialConfig: join(root, 'wrangler.trial.toml'),
    trialBundle: join(root, 'dist/trial'),
    console: join(root, 'console'),
    consoleBundle: join(root, 'console/dist'),
    gpuNode: join(root, 'gpu-node/src/main.ts'),
  };
}
export type ProjectPaths = ReturnType<typeof projectPaths>;

/** The home of one gateway: everything that outlives a run. */
export function homePaths(home: string) {
  return {
    home,
    lock: join(home, 'lock'),
    adminKey: join(home, 'admin.key'),
    gatewayKeys: join(home, 'gateway.keys'),
    /** D1, R2 and Durable Objects. */
    state: join(home, 'state'),
    /** The console as this run serves it. */
    console: join(home, 'console'),
    examples: join(home, 'examples'),
    logs: join(home, 'logs'),
    run: join(home, 'run'),
    nodeHome: (name: string) => join(home, 'nodes', name),
    log: (name: string) => join(home, 'logs', `${name}.log`),
    pid: (name: string) => join(home, 'run', `${name}.pid`),
  };
}
export type HomePaths = ReturnType<typeof homePaths>;
