/** The other programs that are measured beside: installed into `bench/peers` when they are first asked for. */
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../test/support/program.ts';
import peers from './peers/package.json' with { type: 'json' };

const FOLDER = join(ROOT, 'bench/peers');

/** Their versions, by name. */
export const PEERS = peers.dependencies;

/** As the lockfile says, which names every package by its digest. Their install scripts are not run. */
export async function installPeers(say: (line: string) => void): Promise<void> {
  const installed = join(FOLDER, 'node_modules/.package-lock.json');
  if (existsSync(installed) && (await holdsAll(installed))) return;
  say('installing the peers');
  await promisify(execFile)('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: FOLDER });
}

/** Whether what is installed is what the lockfile says. */
async function holdsAll(installed: string): Promise<boolean> {
  const versions = async (path: string) => {
    const { packages } = JSON.parse(await readFile(path, 'utf8')) as { packages: Record<string, { version?: string }> };
    return Object.keys(PEERS).map((name) => packages[`node_modules/${name}`]?.version);
  };
  const wanted = await versions(join(FOLDER, 'package-lock.json'));
  return (await versions(installed)).join() === wanted.join();
}
