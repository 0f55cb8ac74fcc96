import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorkerd, type Workerd } from '../standalone/src/processes/workerd.ts';
import { ROOT } from './support/program.ts';

/** Stores `chunks` under `key`, the last of them after the others and the end only if `ends`. */
const WORKER = `import { storeStream } from '${ROOT}worker/src/artifacts/store.ts';
export default { async fetch(request, { BLOBS }) {
  const { key, chunks, ends, sizeBytes, withinMs } = await request.json();
  const body = new ReadableStream({ start(controller) {
    for (const chunk of chunks) controller.enqueue(new TextEncoder().encode(chunk));
    if (ends) controller.close();
  } });
  const outcome = await storeStream(BLOBS, key, body, sizeBytes, withinMs).catch(({ code, message }) => ({ code, message }));
  return Response.json({ outcome, stored: await (await BLOBS.get(key))?.text() });
} }`;

let workerd: Workerd;
let folder: string;
let url: URL;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-store-'));
  await writeFile(join(folder, 'index.ts'), WORKER);
  const flags = ['--name', 'store', '--compatibility-date', '2026-11-01', '--outdir', join(folder, 'out')];
  const env = { ...process.env, WRANGLER_SEND_METRICS: 'false', WRANGLER_HIDE_BANNER: 'true' };
  const wrangler = [
    join(ROOT, 'node_modules/.bin/wrangler'),
    'deploy',
    '--dry-run',
    join(folder, 'index.ts'),
    ...flags,
  ];
  await promisify(execFile)(process.execPath, wrangler, { cwd: folder, env });
  const modules = [{ type: 'ESModule' as const, path: join(folder, 'out/index.js') }];
  const worker = { name: 'store', compatibilityDate: '2026-11-01', modulesRoot: join(folder, 'out'), modules };
  const options = { state: join(folder, 'state'), workers: [{ ...worker, r2Buckets: { BLOBS: 'blobs' } }] };
  workerd = await startWorkerd(options, () => {});
  url = await workerd.miniflare.ready;
});

afterAll(async () => {
  await workerd?.stop();
  await rm(folder, { recursive: true, force: true });
});

async function store(given: { key: string; chunks: string[]; ends: boolean; sizeBytes: number; withinMs: number }) {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify(given) });
  return (await response.json()) as unknown;
}

describe('a body that is streamed into storage', () => {
  it('is stored with its digest', async () => {
    const digest = `sha256:${createHash('sha256').update('onetwo').digest('hex')}`;
    const stored = await store({ key: 'a', chunks: ['one', 'two'], ends: true, sizeBytes: 6, withinMs: 60_000 });
    expect(stored).toEqual({ outcome: { key: 'a', digest, sizeBytes: 6 }, stored: 'onetwo' });
  });

  it('is broken off when it takes longer than its object is kept for it, and leaves nothing', async () => {
    const stored = await store({ key: 'b', chunks: ['one'], ends: false, sizeBytes: 6, withinMs: 300 });
    expect(stored).toEqual({ outcome: { code: 'invalid_request', message: expect.stringContaining('too long') } });
  });

  it.each([
    ['too short', ['one']],
    ['too long', ['one', 'two', 'three']],
  ])('is refused when it is %s, and leaves nothing', async (what, chunks) => {
    const stored = await store({ key: what, chunks, ends: true, sizeBytes: 6, withinMs: 60_000 });
    expect(stored).toEqual({ outcome: { code: 'invalid_request', message: expect.stringContaining('broke off') } });
  });
});
