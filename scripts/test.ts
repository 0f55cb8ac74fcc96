/**
 * `npm test`: all suites, in three processes so that two cores have something to do while one of them waits, and one report of all. With arguments
 * that name files or projects it is plain Vitest.
 */
import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** The suite against one gateway, and that of the program itself, have their files one after the other; the others make all they need themselves. */
const PARTS = [['system'], ['lifecycle'], ['unit', 'gpu-node']] as const;
const VITEST = new URL('../node_modules/vitest/vitest.mjs', import.meta.url).pathname;

const args = process.argv.slice(2);
const isReport = args.every((arg) => /^--(reporter|outputFile)/.test(arg));
process.exitCode = isReport ? await runParts() : await vitest('run', ...args);

async function runParts(): Promise<number> {
  const folder = await mkdtemp(join(tmpdir(), 'lepton-test-'));
  try {
    const codes = await Promise.all(
      PARTS.map((projects, i) => {
        const report = ['--reporter=default', '--reporter=blob', `--outputFile.blob=${join(folder, `${i}.json`)}`];
        return vitest('run', ...projects.flatMap((project) => ['--project', project]), ...report);
      }),
    );
    const merged = await vitest('--merge-reports', folder, ...args);
    return Math.max(merged, ...codes);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** @returns the exit status; 1 where a signal ended it */
function vitest(...options: string[]): Promise<number> {
  const child = spawn(process.execPath, [VITEST, ...options], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code) => resolve(code ?? 1));
  });
}
