/** Whole command lines in this process: what goes to stdout and stderr, and the exit code. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { UploadEndpoints } from '../../test-support/upload-endpoints.ts';
import { run } from './run.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-cli-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function lepton(...argv: string[]) {
  const out: string[] = [];
  const err: string[] = [];
  const code = await run(argv, {
    stdin: process.stdin,
    stdout: { write: (text) => out.push(text) },
    stderr: { write: (text) => err.push(text) },
    environment: { profilesPath: join(folder, 'profiles.json') },
    signal: new AbortController().signal,
  });
  return { code, out: out.join(''), err: err.join('') };
}

it('answers on stdout with 0', async () => {
  expect(await lepton('--version')).toMatchObject({ code: 0, out: expect.stringMatching(/^lepton \d/), err: '' });
  const { out } = await lepton('help', 'push');
  expect(out).toContain('usage: lepton push FILE… --model NAME');
  expect(JSON.parse((await lepton('help', 'push', '--json')).out)).toMatchObject({ command: 'push' });
});

it('tells wrong usage in a sentence with a hint, and 2', async () => {
  const told = await lepton('alias', 'set', 'digits', '3', '--reason', 'x');
  expect(told).toEqual({
    code: 2,
    out: '',
    err: 'lepton: expected MODEL@ALIAS such as digits@production, got "digits"\n',
  });
  const { code, err } = await lepton('models', '--json');
  expect(code).toBe(2);
  expect(JSON.parse(err).error).toMatchObject({ code: 'usage', message: 'no gateway is known' });
});

it('tells a gateway that is not there with its reason, and 1', async () => {
  const { code, err } = await lepton('models', 'update', 'digits', '--task', 'tensor', '--url', 'http://127.0.0.1:9');
  expect(code).toBe(1);
  expect(err).toMatch(/^lepton: no answer from http:\/\/127\.0\.0\.1:9: .+\nhint: check that the gateway runs/);
});

it('tells what the gateway refused with its code', async () => {
  const gateway = new UploadEndpoints(1000);
  const url = await gateway.start();
  gateway.fault = () => ({ status: 409, code: 'model_in_use' });
  const { code, err } = await lepton('models', 'delete', 'digits', '--url', url, '--json');
  gateway.stop();
  expect(code).toBe(1);
  expect(JSON.parse(err).error).toMatchObject({
    code: 'model_in_use',
    status: 409,
    hint: '`--force` deletes it all the same',
  });
});

it('finds mistakes of a push before it speaks to the gateway', async () => {
  const file = join(folder, 'model.onnx');
  const manifest = join(folder, 'manifest.json');
  const push = (...more: string[]) => lepton('push', file, '--model', 'digits', '--url', 'http://127.0.0.1:9', ...more);
  expect((await push()).err).toContain('there is no such file');
  await writeFile(file, '');
  expect((await push()).err).toContain('is empty');
  await writeFile(file, randomBytes(10));
  await writeFile(manifest, '{"placement": {"policy": "moon"}}');
  expect((await push('--manifest', manifest)).err).toContain('placement.policy');
  expect(await push('--alias', 'staging', '--no-wait')).toMatchObject({ code: 2 });
});
