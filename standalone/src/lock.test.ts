import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockHome } from './lock.ts';

const URL = 'http://127.0.0.1:8787';
let folder: string;
let path: string;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-lock-'));
  path = join(folder, 'lock');
});
afterEach(() => rm(folder, { recursive: true }));

describe('lockHome', () => {
  it('refuses a second taker with a sentence that names the first', async () => {
    await lockHome(path, URL);
    await expect(lockHome(path, URL)).rejects.toThrow(
      `a gateway is already running on this home at ${URL} (process ${process.pid})`,
    );
  });

  it('refuses one whose home is held by a gateway from before locks had numbers', async () => {
    await writeFile(path, JSON.stringify({ pid: process.pid, url: URL }));
    await expect(lockHome(path, URL)).rejects.toThrow('a gateway is already running on this home');
  });

  it('can be taken again after its release', async () => {
    const release = await lockHome(path, URL);
    await release();
    await expect(lockHome(path, URL)).resolves.toBeTypeOf('function');
  });

  it.each([
    ['a dead process', JSON.stringify({ pid: 2 ** 22 + 1, url: URL })],
    ['a process whose id another one has now', JSON.stringify({ pid: process.pid, identity: 'earlier', url: URL })],
    ['nobody that can be told', '{"pid":'],
  ])('takes over the lock of %s', async (_owner, content) => {
    await writeFile(`${path}.7`, content);
    await lockHome(path, URL);
    expect(JSON.parse(await readFile(`${path}.8`, 'utf8'))).toMatchObject({ pid: process.pid, url: URL });
  });

  it('gives a left-behind lock to one of several takers, again and again, and leaves two files at most', async () => {
    await writeFile(`${path}.7`, JSON.stringify({ pid: 2 ** 22 + 1, url: URL }));
    for (let round = 0; round < 8; round++) {
      const takers = await Promise.allSettled(Array.from({ length: 8 }, () => lockHome(path, URL)));
      const [first, ...others] = takers.filter((taker) => taker.status === 'fulfilled');
      expect(others).toEqual([]);
      expect((await readdir(folder)).length).toBeLessThanOrEqual(2);
      await first?.value();
    }
  });
});
