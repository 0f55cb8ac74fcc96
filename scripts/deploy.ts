/** `npm run deploy`: the gateway to Cloudflare, and at the end what a person needs to use it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { publish } from '../standalone/src/build/publish.ts';
import { Failure } from '../standalone/src/failure.ts';
import { projectPaths } from '../standalone/src/paths.ts';
import { tellExit } from '../standalone/src/processes/children.ts';
import { type Deployed, deploy, dryRun } from './cloudflare/deploy.ts';
import { installedWrangler, Wrangler } from './cloudflare/wrangler.ts';
import { readFlags, runScript } from './run-script.ts';

const USAGE = `npm run deploy -- [options]

  --dry-run   build everything and tell what would be done; needs no account
  --help      show this`;

const root = fileURLToPath(new URL('..', import.meta.url));

await runScript(async () => {
  const flags = readFlags({ 'dry-run': { type: 'boolean' }, help: { type: 'boolean', short: 'h' } }, USAGE);
  if (flags.help) return console.log(USAGE);
  const wrangler = new Wrangler(installedWrangler(root));
  const options = { root, wrangler, buildConsole, say: (line: string) => console.log(line) };
  if (flags['dry-run']) await dryRun(options);
  else tell(await deploy(options));
});

async function buildConsole(): Promise<void> {
  const { console, consoleBundle } = projectPaths(root);
  const vite = createRequire(join(console, 'package.json')).resolve('vite/package.json');
  await publish(consoleBundle, 'index.html', async (folder) => {
    const args = ['build', console, '--outDir', folder, '--emptyOutDir', '--logLevel', 'warn'];
    const child = spawn(process.execPath, [join(vite, '../bin/vite.js'), ...args], {
      cwd: root,
      env: { ...process.env, NODE_ENV: 'production' },
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    const [code, signal] = await once(child, 'exit');
    if (code !== 0) throw new Failure(`building the console failed: vite ${tellExit({ code, signal })}, see above`);
  });
}

function tell({ url = 'https://<address of the Worker>', adminKey }: Deployed): void {
  if (adminKey) {
    console.log(`
admin key  ${adminKey}
           Shown this once: the gateway keeps only its hash. Put it into your password manager, and for the command line
           into a file that only you can read: (umask 077; cat > ~/.lepton-edge.key), paste it, Ctrl-D`);
  }
  console.log(`
ready      ${url}
console    ${url}/
try it     curl -H "authorization: Bearer $(cat ~/.lepton-edge.key)" ${url}/api/models`);
}
