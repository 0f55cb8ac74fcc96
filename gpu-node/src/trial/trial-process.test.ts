import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { Manifest } from '@lepton-edge/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addModel, matMulModel } from '../testing/onnx-file.ts';
import { runTrial, type TrialProgram } from './trial-process.ts';

const LIMITS = { timeMs: 20_000, memoryBytes: 1024 ** 3 };
const digest = `sha256:${'0'.repeat(64)}`;
const vector = (name: string) => ({ name, datatype: 'FP32', shape: [-1] });
const ADD = { inputs: [vector('a'), vector('b')], outputs: [vector('sum')] };

async function file(bytes: string | Uint8Array, name = 'model.onnx'): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'trial-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  await writeFile(join(folder, name), bytes);
  return join(folder, name);
}

async function trial(bytes: Uint8Array, manifest: object, limits = LIMITS, program?: TrialProgram) {
  const path = await file(bytes);
  const files = [{ path: 'model.onnx', digest, sizeBytes: bytes.byteLength }];
  const job = {
    source: { label: 'm@1', format: 'onnx' as const, path },
    manifest: Manifest.parse({ format: 'onnx', files, ...manifest }),
    where: 'here',
    wantsSample: false,
  };
  return (await runTrial(job, limits, program)).ended;
}

/** A program in the place of the engine's. */
async function program(code: string): Promise<TrialProgram> {
  return { code: pathToFileURL(await file(code, 'child.mjs')) };
}

describe('a trial', () => {
  it('measures a model', async () => {
    const outcome = await trial(addModel(), ADD);
    expect(outcome).toMatchObject({
      state: 'ok',
      report: {
        where: 'here',
        engine: 'ort-cpu',
        batchInvariant: true,
        deterministic: true,
        shapes: { a: [1], b: [1] },
      },
      inputs: [vector('a'), vector('b')],
    });
  });

  it('tells what cannot be loaded', async () => {
    const outcome = await trial(Buffer.from('no model'), ADD);
    expect(outcome).toMatchObject({ state: 'failed', failure: { kind: 'load' } });
  });

  it('tells what refuses every generated input', async () => {
    const stated = { trial: { inputs: { a: { shape: [2] }, b: { shape: [3] } } } };
    const outcome = await trial(addModel(), { ...ADD, ...stated });
    expect(outcome).toMatchObject({ state: 'failed', failure: { kind: 'inputs' } });
  });

  it('ends one that runs too long', async () => {
    const square = (name: string) => ({ name, datatype: 'FP32', shape: [-1, -1] });
    const manifest = {
      inputs: [square('x')],
      outputs: [square('y')],
      trial: { inputs: { x: { shape: [1000, 1000] } } },
    };
    const outcome = await trial(matMulModel(500), manifest, { ...LIMITS, timeMs: 1_500 });
    expect(outcome).toEqual({
      state: 'failed',
      failure: { kind: 'stopped', message: 'its runs did not end within 1.5 s' },
    });
  });

  it('ends one that takes too much memory', async () => {
    const child = await program('const held = []; setInterval(() => held.push(Buffer.alloc(64e6, 1)), 20);');
    const outcome = await trial(addModel(), ADD, { timeMs: 20_000, memoryBytes: 400e6 }, child);
    expect(outcome).toMatchObject({ state: 'failed', failure: { kind: 'memory' } });
  });

  it('survives one that brings its process down', async () => {
    const child = await program("process.send({ kind: 'started' }); process.on('message', () => process.abort());");
    const outcome = await trial(addModel(), ADD, LIMITS, child);
    expect(outcome).toMatchObject({
      state: 'failed',
      failure: { kind: 'stopped', message: expect.stringContaining('SIGABRT') },
    });
  });

  it('tells of inputs that are too many to be generated', async () => {
    const stated = { trial: { inputs: { a: { shape: [600_000] }, b: { shape: [600_000] } } } };
    const outcome = await trial(addModel(), { ...ADD, ...stated });
    const message = expect.stringContaining('more than 1048576 elements');
    expect(outcome).toMatchObject({ state: 'failed', failure: { kind: 'inputs', message } });
  });

  it.each([
    ['gave it no time', "process.send({ kind: 'started' }); process.on('message', () => {});", 'of computing in 4 s'],
    [
      'ended its process',
      "process.send({ kind: 'started' }); process.kill(process.pid, 'SIGKILL');",
      'memory runs out',
    ],
    ['could not start it', "throw new Error('no');", 'before it read the model'],
  ])('says nothing of a model when the machine %s', async (_what, code, part) => {
    const refused = trial(addModel(), ADD, { ...LIMITS, timeMs: 1_000 }, await program(code));
    const message = expect.stringContaining(part);
    await expect(refused).rejects.toMatchObject({ code: 'unavailable', message });
  });

  it('leaves nothing behind when no process can be started', async () => {
    const timers = () => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length;
    const before = timers();
    const failed = trial(addModel(), ADD, LIMITS, { execPath: '/nowhere/node' });
    await expect(failed).rejects.toMatchObject({ code: 'unavailable', message: expect.stringContaining('ENOENT') });
    expect(timers()).toBeLessThanOrEqual(before);
  });
});
