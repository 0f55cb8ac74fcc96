import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Admission, Manifest, type TensorSpec } from '@lepton-edge/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { EngineError, type Instance, type RunInput } from '../engines/engine.ts';
import { ortCpu } from '../engines/ort-cpu/engine.ts';
import { addModel } from '../testing/onnx-file.ts';
import { warmUp } from './warm-up.ts';

const vector = (name: string): TensorSpec => ({ name, datatype: 'FP32', shape: [-1] });

function manifest(more: object = {}): Manifest {
  const files = [{ path: 'm.onnx', digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 }];
  return Manifest.parse({
    format: 'onnx',
    files,
    inputs: [vector('a'), vector('b')],
    outputs: [vector('sum')],
    ...more,
  });
}

async function loaded(): Promise<Instance> {
  const folder = await mkdtemp(join(tmpdir(), 'warm-up-'));
  onTestFinished(() => rm(folder, { recursive: true }));
  const path = join(folder, 'model.onnx');
  await writeFile(path, addModel());
  const engine = await ortCpu.start();
  const instance = await engine.load({ label: 'add@1', format: 'onnx', path });
  onTestFinished(() => instance.unload());
  return instance;
}

/** Takes `a` of one length only, in so many milliseconds, one after the other. */
function instanceOf(length: number, times: number[] = [1, 1, 1]) {
  const lengths: (number | undefined)[] = [];
  const run = async ({ inputs }: RunInput) => {
    lengths.push(inputs[0]?.shape[0]);
    if (inputs[0]?.shape[0] !== length) throw new EngineError('refused', 'not of this length');
    return { outputs: [], runMs: times.shift() ?? 0 };
  };
  return { lengths, instance: { run } as unknown as Instance };
}

describe('warming up', () => {
  it('runs a model on made-up inputs', async () => {
    const { warmUp: warmed, shapes } = await warmUp(await loaded(), manifest());
    const { runs, runMs, refused } = warmed;
    expect(shapes).toEqual({ a: [1], b: [1] });
    expect(refused).toBeUndefined();
    expect(runs).toBeGreaterThanOrEqual(2);
    expect(runMs).toBeGreaterThan(0);
  });

  it('tells what refuses them, and harms nothing', async () => {
    const instance = await loaded();
    const trial = { inputs: { a: { shape: [2] }, b: { shape: [3] } } };
    expect(await warmUp(instance, manifest({ trial }))).toMatchObject({
      warmUp: { runs: 0, refused: expect.stringContaining('Add') },
    });
    expect(await warmUp(instance, manifest())).toMatchObject({ warmUp: { runs: expect.any(Number) } });
  });

  it('takes the shapes on which the model was admitted first', async () => {
    const { instance, lengths } = instanceOf(7);
    const node = { where: 'n', engine: 'e', loadMs: 1, runMs: 1, perItemMs: {}, deterministic: true };
    const admission = Admission.parse({ edgeEligible: false, node: { ...node, shapes: { a: [7], b: [7] } } });
    await warmUp(instance, manifest(), admission);
    expect(lengths).toEqual([7, 7]);
  });

  it('ends when a run takes no less than the one before', async () => {
    const { instance, lengths } = instanceOf(1, [100, 10, 9, 8]);
    expect(await warmUp(instance, manifest())).toMatchObject({ warmUp: { runs: 3, runMs: 9 } });
    expect(lengths).toHaveLength(3);
  });

  it('is the end of a load whose instance it does not survive', async () => {
    const run = () => Promise.reject(new EngineError('lost', 'its thread ended'));
    await expect(warmUp({ run } as unknown as Instance, manifest())).rejects.toThrow('its thread ended');
  });
});
