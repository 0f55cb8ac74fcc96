import { createHash } from 'node:crypto';
import { access, mkdtemp, readdir, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { VersionFile } from '@lepton-edge/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { BlobCache } from './blob-cache.ts';

const KIB = 1024;

/** A file of so many bytes, all of them `mark`. */
function blob(mark: string, bytes = 10 * KIB) {
  const content = Buffer.alloc(bytes, mark);
  const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;
  const file: VersionFile = { path: `${mark}.bin`, digest, sizeBytes: bytes };
  const open = async (offset: number) => ({
    offset,
    body: (async function* () {
      yield content.subarray(offset);
    })(),
  });
  return { file, open, content, hex: digest.slice('sha256:'.length) };
}

async function setup(maxBytes: number) {
  const home = await mkdtemp(join(tmpdir(), 'blob-cache-'));
  onTestFinished(() => rm(home, { recursive: true }));
  const dir = join(home, 'blobs', 'sha256');
  const stored = async () => (await readdir(dir)).sort();
  return { home, dir, stored, cache: await BlobCache.open(home, maxBytes) };
}

const hexes = (...blobs: ReturnType<typeof blob>[]) => blobs.map(({ hex }) => hex).sort();

describe('BlobCache', () => {
  it('removes what was used longest ago before a download that would not fit', async () => {
    const { cache, stored } = await setup(25 * KIB);
    const [a, b, c] = [blob('a'), blob('b'), blob('c')];
    for (const { file, open } of [a, b, a, c]) await cache.fetch(file, open);
    expect(await stored()).toEqual(hexes(a, c));
    expect(cache.space.bytes).toBe(20 * KIB);
    // What was removed comes again.
    await cache.fetch(b.file, b.open);
    expect(await stored()).toEqual(hexes(b, c));
  });

  it('keeps what is being read, and removes the folders that a removed file is linked into', async () => {
    const { cache, stored, home } = await setup(25 * KIB);
    const [a, b, c] = [blob('a'), blob('b'), blob('c')];
    const hold = cache.hold('m@1', [a.file]);
    const path = await cache.fetch(a.file, a.open);
    const folder = await cache.arrange(`sha256:${'0'.repeat(64)}`, [{ file: a.file, path }]);
    for (const { file, open } of [b, c]) await cache.fetch(file, open);
    expect(await stored()).toEqual(hexes(a, c));
    await access(join(folder, a.file.path));
    hold.release();
    await cache.fetch(b.file, b.open);
    expect(await stored()).toEqual(hexes(b, c));
    expect(await readdir(join(home, 'versions'))).toEqual([]);
  });

  it('fetches anew what was changed on disk since it was verified, also where it is linked to', async () => {
    const { cache, dir, home } = await setup(25 * KIB);
    const { file, open, content, hex } = blob('a');
    const folder = await cache.arrange(`sha256:${'0'.repeat(64)}`, [{ file, path: await cache.fetch(file, open) }]);
    await writeFile(join(dir, hex), Buffer.alloc(content.byteLength, 'b'));
    const path = await cache.fetch(file, open);
    expect(await readFile(path)).toEqual(content);
    await cache.arrange(`sha256:${'0'.repeat(64)}`, [{ file, path }]);
    expect(await readFile(join(folder, file.path))).toEqual(content);
    expect(await readdir(join(home, 'versions'))).toHaveLength(1);
  });

  it('refuses what can never fit, alone or together, before anything comes', async () => {
    const { cache, stored } = await setup(25 * KIB);
    const large = blob('x', 26 * KIB);
    await expect(cache.fetch(large.file, large.open)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringContaining('--max-disk-mib'),
    });
    const files = [blob('a'), blob('b'), blob('c')].map(({ file }) => file);
    expect(() => cache.hold('m@1', files)).toThrow(/m@1 takes 30720 bytes/);
    expect(await stored()).toEqual([]);
    expect(cache.space.bytes).toBe(0);
  });

  it('counts what is there at the start, parts of files included, by when it was used', async () => {
    const { home, dir, stored } = await setup(0);
    const [old, recent, next] = [blob('a'), blob('b'), blob('c')];
    await writeFile(join(dir, recent.hex), recent.content);
    await writeFile(join(dir, `${old.hex}.partial`), old.content.subarray(0, 8 * KIB));
    await utimes(join(dir, `${old.hex}.partial`), 1, 1);
    const cache = await BlobCache.open(home, 25 * KIB);
    expect(cache.space.bytes).toBe(18 * KIB);
    await cache.fetch(next.file, next.open);
    expect(await stored()).toEqual(hexes(recent, next));
  });

  it('counts of a download that failed what stayed of it', async () => {
    const { cache } = await setup(25 * KIB);
    const { file } = blob('a');
    const broken = async () => {
      throw new Error('no');
    };
    await expect(cache.fetch(file, broken)).rejects.toThrow();
    expect(cache.space.bytes).toBe(0);
  });
});
