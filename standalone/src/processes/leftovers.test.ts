import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readdir, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { endLeftovers } from './leftovers.ts';

let folder: string;
let child: ChildProcess;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-left-'));
  child = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], { stdio: 'ignore' });
  await once(child, 'spawn');
});
afterEach(async () => {
  child.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

describe('endLeftovers', () => {
  it('ends a recorded process and says so', async () => {
    await writeFile(join(folder, 'local-1.pid'), `${child.pid}\n`);
    const lines: string[] = [];
    await endLeftovers(folder, (line) => lines.push(line));
    expect(child.signalCode ?? (await once(child, 'exit'))[1]).toBe('SIGKILL');
    expect(lines).toEqual([`ended local-1 (process ${child.pid}), which an earlier run left behind`]);
    expect(await readdir(folder)).toEqual([]);
  });

  it('leaves a later process alone that only has the recorded id', async () => {
    const path = join(folder, 'local-1.pid');
    await writeFile(path, `${child.pid}\n`);
    const minuteAgo = Date.now() / 1000 - 60;
    await utimes(path, minuteAgo, minuteAgo);
    await endLeftovers(folder, (line) => expect.unreachable(line));
    expect(child.exitCode ?? child.signalCode).toBeNull();
    expect(await readdir(folder)).toEqual([]);
  });
});
