import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { buildExample } from './build-example.ts';
import { digits } from './digits/index.ts';

describe('buildExample', () => {
  let home: string;
  let builds = 0;
  const counted = {
    ...digits,
    build: async () => {
      builds++;
      return Uint8Array.of(1, 2, 3);
    },
  };

  beforeEach(async () => {
    home = await mkdtemp(join(tmpdir(), 'lepton-examples-'));
    builds = 0;
  });
  afterEach(() => rm(home, { recursive: true }));

  it('makes the file once, in a folder it makes, and leaves nothing else there', async () => {
    const folder = join(home, 'built', 'models');
    const path = await buildExample(counted, folder);
    expect(path).toBe(join(folder, 'digits.onnx'));
    expect([...(await readFile(path))]).toEqual([1, 2, 3]);
    expect(await buildExample(counted, folder)).toBe(path);
    expect(builds).toBe(1);
    expect(await readdir(folder)).toEqual(['digits.onnx']);
  });

  it('makes it again when it is gone', async () => {
    await rm(await buildExample(counted, home));
    await buildExample(counted, home);
    expect(builds).toBe(2);
  });

  it('leaves no file when the recipe fails', async () => {
    const broken = { ...digits, build: () => Promise.reject(new Error('no such package')) };
    await expect(buildExample(broken, home)).rejects.toThrow('no such package');
    expect(await readdir(home)).toEqual([]);
  });
});
