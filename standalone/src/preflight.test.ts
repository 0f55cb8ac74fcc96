import { mkdtemp, readdir, rm, truncate, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { homePaths } from './paths.ts';
import { findFreePort, prepareHome, requireFreePort } from './preflight.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-home-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('prepareHome', () => {
  it('refuses a home below a file', async () => {
    await writeFile(join(folder, 'file'), '');
    await expect(prepareHome(homePaths(join(folder, 'file/home')))).rejects.toThrow(/cannot be written .*--home DIR/);
  });

  it('sets long logs aside', async () => {
    const paths = homePaths(folder);
    await prepareHome(paths);
    await writeFile(paths.log('short'), 'a line\n');
    await writeFile(paths.log('long'), '');
    await truncate(paths.log('long'), 11 * 1024 * 1024);
    await prepareHome(paths);
    expect((await readdir(paths.logs)).sort()).toEqual(['long.log.old', 'short.log']);
  });
});

describe('requireFreePort', () => {
  it('accepts a free port and refuses one that is in use', async () => {
    const port = await findFreePort();
    await expect(requireFreePort(port)).resolves.toBeUndefined();
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    await expect(requireFreePort(port)).rejects.toThrow(
      `port ${port} on 127.0.0.1 is in use: choose another with --port N`,
    );
    server.close();
  });
});
