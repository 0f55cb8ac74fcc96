import { Admission, batchPlan, type InferRequest, Manifest, type Tensor } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { EngineError, type Instance, type RunInput } from '../engines/engine.ts';
import type { Lease, Models } from '../models/lifecycle.ts';
import { Claim } from './claim.ts';
import { InferenceCore } from './infer.ts';

const target = { model: 'm', version: 3, digest: 'd' };
const x: Tensor = { name: 'x', datatype: 'FP32', shape: [1], data: Float32Array.of(1) };
const manifest = Manifest.parse({
  format: 'onnx',
  files: [{ path: 'model.onnx', digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 }],
  inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
  outputs: ['y', 'z'].map((name) => ({ name, datatype: 'FP32', shape: [-1] })),
});

const measured = (batchInvariant: boolean) =>
  Admission.parse({
    edgeEligible: false,
    node: {
      where: 'n',
      engine: 'e',
      loadMs: 1,
      runMs: 1,
      perItemMs: { 1: 1, 4: 0.5, 8: 0.4 },
      batchInvariant,
      deterministic: true,
      shapes: {},
    },
    batching: { maxBatchSize: 8 },
  });

function setup(run: Instance['run'], admission?: Admission, loaded: Promise<void> = Promise.resolve()) {
  const leases = { open: 0 };
  const plan = batchPlan(manifest, admission);
  const instance: Instance = {
    inputs: [],
    outputs: [],
    concurrency: 1,
    run,
    lost: new Promise(() => undefined),
    unload: async () => undefined,
  };
  const acquire = async (): Promise<Lease> => {
    await loaded;
    leases.open++;
    const release = () => {
      leases.open--;
    };
    return { manifest, plan, isMeasured: false, instance, folder: undefined, loadMs: undefined, release };
  };
  const models: Pick<Models, 'acquire'> = { acquire };
  const core = new InferenceCore(models as Models, { requests: 2, bytes: 1e6 });
  const infer = async (request: InferRequest) => {
    const admitted = core.admit(target, new Claim('a', 2, 0));
    try {
      return await admitted.infer(request);
    } finally {
      admitted.leave();
    }
  };
  return { core, infer, leases };
}

describe('InferenceCore', () => {
  it('runs for the outputs asked for, or for all', async () => {
    const asked: (readonly string[])[] = [];
    const { core, infer } = setup(async ({ outputs }: RunInput) => {
      asked.push(outputs);
      return { outputs: outputs.map((name) => ({ ...x, name })), runMs: 2 };
    });
    const outcome = await infer({ id: 'i', inputs: [x] });
    expect(outcome.response).toMatchObject({ modelName: 'm', modelVersion: '3', id: 'i' });
    expect(outcome.phases).toMatchObject({ loadMs: undefined, runMs: 2 });
    await infer({ inputs: [x], outputs: [{ name: 'z' }] });
    expect(asked).toEqual([['y', 'z'], ['z']]);
    expect(core.statistics.find('m', 3)).toMatchObject({ success: { count: 2 }, run: { count: 2, ms: 4 } });
  });

  it.each([
    ['refused', 'inference_failed', undefined],
    ['lost', 'unavailable', 1],
  ] as const)('tells the caller what a run that is %s means', async (failure, code, retryAfterSeconds) => {
    const { infer, leases, core } = setup(() => Promise.reject(new EngineError(failure, 'its sentence')));
    const expected = { code, retryAfterSeconds, message: expect.stringContaining('its sentence') };
    await expect(infer({ inputs: [x] })).rejects.toMatchObject(expected);
    expect(leases.open).toBe(0);
    expect(core.load()).toEqual({ inFlight: 0, queued: 0 });
    expect(core.statistics.find('m', 3)).toMatchObject({ success: { count: 0 }, fail: { count: 1 } });
  });

  it.each([
    [true, [2]],
    [false, [1, 1]],
  ])('puts requests together as far as admission found that it changes no answer: %s', async (invariant, sizes) => {
    const seen: number[] = [];
    const { core, infer } = setup(async ({ inputs, outputs }: RunInput) => {
      const [input = x] = inputs;
      seen.push(input.data.length);
      return { outputs: outputs.map((name) => ({ ...input, name })), runMs: 2 };
    }, measured(invariant));
    const two: Tensor = { ...x, data: Float32Array.of(2) };
    const outcomes = await Promise.all([infer({ inputs: [x] }), infer({ inputs: [two], outputs: [{ name: 'z' }] })]);
    expect(seen).toEqual(sizes);
    expect(outcomes.map(({ response }) => response.outputs)).toEqual([
      [
        { ...x, name: 'y' },
        { ...x, name: 'z' },
      ],
      [{ ...two, name: 'z' }],
    ]);
    const counters = core.statistics.find('m', 3);
    expect(counters).toMatchObject({ success: { count: 2 }, inferences: 2, run: { count: 2, ms: 4 } });
    expect([...(counters?.executions ?? [])].map(([size, { run }]) => [size, run.count])).toEqual(
      invariant ? [[2, 1]] : [[1, 2]],
    );
  });

  it('has a load go on that takes longer than the request has', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { infer, leases, core } = setup(async () => ({ outputs: [x], runMs: 1 }), undefined, promise);
    const hasty = infer({ inputs: [x], parameters: { timeout: Math.ceil(performance.now() + 10) * 1000 } });
    await expect(hasty).rejects.toMatchObject({
      code: 'deadline_exceeded',
      message: expect.stringContaining('loaded'),
    });
    expect(core.load()).toEqual({ inFlight: 0, queued: 0 });
    resolve();
    await infer({ inputs: [x], outputs: [{ name: 'y' }] });
    expect(leases.open).toBe(0);
  });

  it('checks before it runs', async () => {
    const { infer, leases } = setup(() => Promise.reject(new Error('not run')));
    await expect(infer({ inputs: [] })).rejects.toMatchObject({ code: 'invalid_tensor' });
    expect(leases.open).toBe(0);
  });

  it('refuses beyond its places before anything is read', () => {
    const { core } = setup(() => Promise.reject(new Error('not run')));
    core.admit(target, new Claim('a', 2, 0));
    const second = core.admit(target, new Claim('a', 2, 0));
    expect(core.load()).toEqual({ inFlight: 0, queued: 2 });
    expect(() => core.admit(target, new Claim('a', 2, 0))).toThrow(expect.objectContaining({ code: 'overloaded' }));
    expect(core.statistics.find('m', 3)).toMatchObject({ refused: 1 });
    second.leave();
    core.admit(target, new Claim('a', 2, 0));
  });
});
