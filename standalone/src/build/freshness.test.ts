import { mkdir, mkdtemp, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { isFresh } from './freshness.ts';

let root: string;
let output: string;

/** Writes a file whose time, and its folder's, is `second` seconds after 1970. */
async function put(path: string, second: number): Promise<string> {
  const file = join(root, path);
  await mkdir(join(file, '..'), { recursive: true });
  await writeFile(file, path);
  await utimes(file, second, second);
  await utimes(join(file, '..'), second, second);
  return file;
}

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'lepton-fresh-'));
  output = await put('out/index.js', 100);
  await put('source/lib/a.ts', 50);
});
afterEach(() => rm(root, { recursive: true }));

const fresh = () => isFresh(output, [join(root, 'source'), join(root, 'lock.json')]);

describe('isFresh', () => {
  it('holds while every source is older', async () => {
    expect(await fresh()).toBe(true);
  });

  it('fails without an output', async () => {
    await rm(output);
    expect(await fresh()).toBe(false);
  });

  it.each(['source/b.ts', 'source/lib/deep/c.ts', 'lock.json'])('fails when %s is newer', async (path) => {
    await put(path, 200);
    expect(await fresh()).toBe(false);
  });

  it('fails when a source was removed', async () => {
    await put('source/lib/b.ts', 50);
    await rm(join(root, 'source/lib/b.ts'));
    expect(await fresh()).toBe(false);
  });

  it.each(['source/dist/a.js', 'source/node_modules/a.js', 'source/a.test.ts'])('ignores %s', async (path) => {
    await put(path, 200);
    expect(await fresh()).toBe(true);
  });
});
