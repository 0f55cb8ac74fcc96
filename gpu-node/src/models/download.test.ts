import { createHash, randomBytes } from 'node:crypto';
import { access, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Download, download } from './download.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'download-'));
});
afterAll(() => rm(dir, { recursive: true }));

const content = randomBytes(100_000);
const digest = `sha256:${createHash('sha256').update(content).digest('hex')}`;

function setup(open: Download['open']): Download {
  const finalPath = join(dir, crypto.randomUUID());
  const partialPath = `${finalPath}.partial`;
  return { digest, sizeBytes: content.byteLength, partialPath, finalPath, open, pause: async () => undefined };
}

async function* chunks(bytes: Uint8Array, breakAfter = Number.POSITIVE_INFINITY) {
  for (let at = 0; at < bytes.byteLength; at += 10_000) {
    if (at >= breakAfter) throw new Error('socket closed');
    yield bytes.subarray(at, at + 10_000);
  }
}

const exists = (path: string) =>
  access(path).then(
    () => true,
    () => false,
  );

describe('download', () => {
  it('brings a file under its name', async () => {
    const what = setup(async () => ({ offset: 0, body: chunks(content) }));
    await download(what);
    expect(await readFile(what.finalPath)).toEqual(content);
    expect(await exists(what.partialPath)).toBe(false);
  });

  it('goes on where it broke off, also from an earlier process', async () => {
    const offsets: number[] = [];
    const what = setup(async (offset) => {
      offsets.push(offset);
      return { offset, body: chunks(content.subarray(offset), offsets.length === 1 ? 30_000 : undefined) };
    });
    await writeFile(what.partialPath, content.subarray(0, 5_000));
    await download(what);
    expect(offsets).toEqual([5_000, 35_000]);
    expect(await readFile(what.finalPath)).toEqual(content);
  });

  it('begins anew where the source knows no ranges', async () => {
    const what = setup(async () => ({ offset: 0, body: chunks(content) }));
    await writeFile(what.partialPath, content.subarray(0, 5_000));
    await download(what);
    expect(await readFile(what.finalPath)).toEqual(content);
  });

  it('needs no source when everything is there', async () => {
    const what = setup(() => Promise.reject(new Error('not asked')));
    await writeFile(what.partialPath, content);
    await download(what);
    expect(await readFile(what.finalPath)).toEqual(content);
  });

  it('never keeps other bytes than were promised', async () => {
    const corrupt = Buffer.from(content);
    corrupt[50_000] = (corrupt[50_000] ?? 0) ^ 1;
    for (const body of [corrupt, Buffer.concat([content, Buffer.from('x')])]) {
      const what = setup(async () => ({ offset: 0, body: chunks(body) }));
      await expect(download(what)).rejects.toMatchObject({
        code: 'unavailable',
        message: expect.stringContaining(digest),
      });
      expect(await exists(what.finalPath)).toBe(false);
      expect(await exists(what.partialPath)).toBe(false);
    }
  });

  it('gives up after some tries and keeps what came', async () => {
    const what = setup(async (offset) => ({ offset, body: chunks(content.subarray(offset), 10_000) }));
    await expect(download(what)).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('4') });
    expect((await readFile(what.partialPath)).byteLength).toBe(40_000);
  });
});
