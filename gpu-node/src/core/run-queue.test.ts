import type { Tensor } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { EngineError, type Instance, type RunInput, type RunOutput } from '../engines/engine.ts';
import { memberOf } from './batch-member.ts';
import { type BatchPlan, batchPlan } from './batch-plan.ts';
import { CallerGone, type Job, RunQueue } from './run-queue.ts';

const LIMITS = { requests: 100, bytes: 1000 };
const SIGNATURE = {
  inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1] }],
  outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [-1] }],
  stateful: false,
};

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const plan = (maxBatchSize: number, maxDelayMs = 0) =>
  batchPlan({ ...SIGNATURE, batching: { maxBatchSize, maxDelayMs } }) as BatchPlan;

const floatsOf = ([tensor]: readonly Tensor[]) => Array.from((tensor?.data ?? []) as Float32Array);

/** A model that answers what it is asked, when told; `NaN` it refuses. */
function held(concurrency = 1, answer: (values: number[]) => number[] = (values) => values) {
  const runs: { values: number[]; end: () => void }[] = [];
  const run = ({ inputs, outputs }: RunInput) =>
    new Promise<RunOutput>((resolve, reject) => {
      const values = floatsOf(inputs);
      const end = () => {
        if (values.some(Number.isNaN)) return reject(new EngineError('refused', 'not a number'));
        const data = Float32Array.from(answer(values));
        resolve({
          outputs: outputs.map((name) => ({ name, datatype: 'FP32', shape: [data.length], data })),
          runMs: 2,
        });
      };
      runs.push({ values, end });
    });
  return { instance: { concurrency, run } as Partial<Instance> as Instance, runs };
}

function job(instance: Instance, values: number[], how?: BatchPlan, signal?: AbortSignal): Job {
  const x: Tensor = { name: 'x', datatype: 'FP32', shape: [values.length], data: Float32Array.from(values) };
  const member = how && memberOf(how, [x], ['y']);
  const batchable = how && member && { plan: how, member };
  return { instance, inputs: [x], outputs: ['y'], items: values.length, batchable, signal };
}

const valuesOf = async (ran: ReturnType<RunQueue['run']>) => floatsOf((await ran).outputs);

describe('a place in the queue', () => {
  it('is refused beyond the limit until somebody leaves', () => {
    const queue = new RunQueue({ requests: 2, bytes: 1000 });
    const first = queue.enter();
    queue.enter();
    expect(() => queue.enter()).toThrow(expect.objectContaining({ code: 'overloaded', retryAfterSeconds: 1 }));
    first.leave();
    expect(() => queue.enter()).not.toThrow();
  });

  it('counts bytes, as they become known, and is given to one that is alone whatever its size', () => {
    const queue = new RunQueue({ requests: 100, bytes: 100 });
    const large = queue.enter(500);
    expect(() => queue.enter(1)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    large.leave();
    const inflated = queue.enter(10);
    queue.enter(40);
    expect(() => inflated.grow(61)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    inflated.grow(60);
    expect(() => queue.enter(1)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    inflated.leave();
    expect(() => queue.enter(60)).not.toThrow();
  });

  it('says when to come again by how long those before it take', async () => {
    const queue = new RunQueue({ requests: 3, bytes: 1000 });
    const run = async (): Promise<RunOutput> => ({ outputs: [], runMs: 4000 });
    await queue.run(job({ concurrency: 1, run } as Partial<Instance> as Instance, [1]));
    for (let i = 0; i < 3; i++) queue.enter();
    expect(() => queue.enter()).toThrow(expect.objectContaining({ retryAfterSeconds: 12 }));
  });
});

describe('requests that run alone', () => {
  it('run first come, first served, as many at a time as the engine wants, and tell the wait', async () => {
    let now = 0;
    const queue = new RunQueue(LIMITS, () => now);
    const { instance, runs } = held(2);
    const ran = [1, 2, 3].map((n) => queue.run(job(instance, [n])));
    await settled();
    expect(runs.map(({ values }) => values)).toEqual([[1], [2]]);
    expect(queue.running).toBe(2);
    now = 7;
    runs[1]?.end();
    await settled();
    expect(runs[2]?.values).toEqual([3]);
    for (const run of runs) run.end();
    expect((await Promise.all(ran)).map(({ queuedMs }) => queuedMs)).toEqual([0, 0, 7]);
    await settled();
    expect(queue.running).toBe(0);
  });

  it('give a place on when they fail', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const failed = queue.run(job(instance, [Number.NaN]));
    const next = valuesOf(queue.run(job(instance, [5])));
    await settled();
    runs[0]?.end();
    await expect(failed).rejects.toThrow('not a number');
    await settled();
    runs[1]?.end();
    expect(await next).toEqual([5]);
    expect(runs).toHaveLength(2);
  });

  it('are dropped when their caller has left', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const caller = new AbortController();
    const first = queue.run(job(instance, [1]));
    const dropped = queue.run(job(instance, [2], undefined, caller.signal));
    const last = queue.run(job(instance, [3]));
    await settled();
    caller.abort();
    runs[0]?.end();
    await expect(dropped).rejects.toBeInstanceOf(CallerGone);
    await settled();
    runs[1]?.end();
    await Promise.all([first, last]);
    expect(runs.map(({ values }) => values)).toEqual([[1], [3]]);
  });
});

describe('requests that may share a run', () => {
  it('go together with what waits when the engine is free', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const how = plan(4);
    const first = queue.run(job(instance, [1], how));
    await settled();
    const others = [[2], [3, 4], [5], [6]].map((values) => queue.run(job(instance, values, how)));
    await settled();
    expect(runs.map(({ values }) => values)).toEqual([[1]]);
    runs[0]?.end();
    await settled();
    expect(runs[1]?.values).toEqual([2, 3, 4, 5]);
    runs[1]?.end();
    await settled();
    runs[2]?.end();
    expect(await Promise.all([first, ...others].map(valuesOf))).toEqual([[1], [2], [3, 4], [5], [6]]);
    const executions = (await Promise.all(others)).map(({ execution, first: one }) => [execution.items, one]);
    expect(executions).toEqual([
      [4, true],
      [4, false],
      [4, false],
      [1, true],
    ]);
  });

  it('wait at the door of a busy engine only as a batch as large as what runs', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held(2);
    const how = plan(8);
    for (const n of [1, 2, 3]) void queue.run(job(instance, [n], how));
    await settled();
    void queue.run(job(instance, [4], how));
    await settled();
    expect(runs.map(({ values }) => values)).toEqual([[1, 2, 3]]);
    for (const n of [5, 6]) void queue.run(job(instance, [n], how));
    await settled();
    expect(runs.map(({ values }) => values)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  it('wait for more where the manifest says so, no longer than that, and not once they are enough', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held(4);
    const how = plan(2, 30);
    void queue.run(job(instance, [1], how));
    await settled();
    expect(runs).toHaveLength(0);
    void queue.run(job(instance, [2], how));
    await settled();
    expect(runs.map(({ values }) => values)).toEqual([[1, 2]]);
    runs[0]?.end();
    const late = queue.run(job(instance, [3], how));
    while (runs.length < 2) await settled();
    runs[1]?.end();
    expect((await late).queuedMs).toBeGreaterThanOrEqual(29);
  });

  it('are run alone once where the model refuses them together', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const how = plan(4);
    const ran = [[1], [Number.NaN], [3]].map((values) => valuesOf(queue.run(job(instance, values, how))));
    const outcomes = Promise.allSettled(ran);
    for (let i = 0; i < 4; i++) {
      await settled();
      runs[i]?.end();
    }
    expect(await outcomes).toMatchObject([
      { status: 'fulfilled', value: [1] },
      { status: 'rejected', reason: { failure: 'refused' } },
      { status: 'fulfilled', value: [3] },
    ]);
    expect(runs.map(({ values }) => values.length)).toEqual([3, 1, 1, 1]);
  });

  it('share no further runs with a model whose outputs do not count the items', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held(1, ([first = 0]) => [first]);
    const how = plan(4);
    const ran = [[1], [2]].map((values) => valuesOf(queue.run(job(instance, values, how))));
    for (let i = 0; i < 3; i++) {
      await settled();
      runs[i]?.end();
    }
    expect(await Promise.all(ran)).toEqual([[1], [2]]);
    expect(runs.map(({ values }) => values)).toEqual([[1, 2], [1], [2]]);
    expect(memberOf(how, job(instance, [1]).inputs, ['y'])).toBeUndefined();
  });

  it('all fail with an engine that is lost', async () => {
    const queue = new RunQueue(LIMITS);
    const run = () => Promise.reject(new EngineError('lost', 'gone'));
    const instance = { concurrency: 1, run } as Partial<Instance> as Instance;
    const how = plan(4);
    const ran = [[1], [2]].map((values) => queue.run(job(instance, values, how)));
    for (const { status } of await Promise.allSettled(ran)) expect(status).toBe('rejected');
  });
});
