import { setImmediate as immediate, setTimeout as sleep } from 'node:timers/promises';
import { type BatchPlan, batchPlan, memberOf, type Priority, type Tensor } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { EngineError, type Instance, type RunInput, type RunOutput } from '../engines/engine.ts';
import { Caller, CallerGone, Claim } from './claim.ts';
import type { Job, Ran } from './job.ts';
import { RunQueue } from './run-queue.ts';

const LIMITS = { requests: 100, bytes: 1000 };
const SIGNATURE = {
  inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1] }],
  outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [-1] }],
  stateful: false,
};

/** Everything has happened that waits for no clock, however slow the machine. */
async function settled(): Promise<void> {
  await sleep(5);
  for (let turn = 0; turn < 10; turn++) await immediate();
}
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

function job(instance: Instance, values: number[], how?: BatchPlan): Job {
  const x: Tensor = { name: 'x', datatype: 'FP32', shape: [values.length], data: Float32Array.from(values) };
  const member = how && memberOf(how, [x], ['y']);
  const batchable = how && member && { plan: how, member };
  return { instance, inputs: [x], outputs: ['y'], items: values.length, batchable };
}

const valuesOf = async (ran: Promise<Ran>) => floatsOf((await ran).outputs);

const claimOf = (tenant = 'a', priority: Priority = 2, timeoutMs?: number, now = 0, caller = new Caller()) =>
  new Claim(tenant, priority, now, caller).answerWithin(timeoutMs);
const ask = (queue: RunQueue, what: Job, claim = claimOf()) => queue.run(queue.enter(claim), what);

describe('a place in the queue', () => {
  it('is refused beyond the limit until somebody leaves', () => {
    const queue = new RunQueue({ requests: 2, bytes: 1000 });
    const first = queue.enter(claimOf());
    queue.enter(claimOf());
    expect(() => queue.enter(claimOf())).toThrow(expect.objectContaining({ code: 'overloaded', retryAfterSeconds: 1 }));
    first.leave();
    expect(() => queue.enter(claimOf())).not.toThrow();
  });

  it('counts bytes, as they become known, and is given to one that is alone whatever its size', () => {
    const queue = new RunQueue({ requests: 100, bytes: 100 });
    const large = queue.enter(claimOf(), 500);
    expect(() => queue.enter(claimOf(), 1)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    large.leave();
    const growing = queue.enter(claimOf(), 10);
    for (const bytes of [90, 500]) growing.grow(bytes);
    growing.leave();
    const inflated = queue.enter(claimOf(), 10);
    queue.enter(claimOf(), 40);
    expect(() => inflated.grow(61)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    inflated.grow(60);
    expect(() => queue.enter(claimOf(), 1)).toThrow(expect.objectContaining({ code: 'overloaded' }));
    inflated.leave();
    expect(() => queue.enter(claimOf(), 60)).not.toThrow();
  });

  it('says when to come again by how long those before it take', async () => {
    let now = 0;
    const queue = new RunQueue({ requests: 4, bytes: 1000 }, () => now);
    const { instance, runs } = held();
    const ran = ask(queue, job(instance, [1]));
    await settled();
    now = 4000;
    runs[0]?.end();
    await ran;
    for (let i = 0; i < 3; i++) queue.enter(claimOf());
    expect(() => queue.enter(claimOf())).toThrow(expect.objectContaining({ retryAfterSeconds: 16 }));
  });

  it('is free at once when the caller goes, but for what runs', async () => {
    const queue = new RunQueue({ requests: 3, bytes: 1000 });
    const { instance, runs } = held();
    const callers = [1, 2, 3].map(() => new Caller());
    const [running, waiting, arriving] = callers.map((caller) =>
      queue.enter(claimOf('a', 2, undefined, 0, caller), 10),
    );
    if (!running || !waiting || !arriving) throw new Error('no places');
    const outcomes = [running, waiting].map((place) => queue.run(place, job(instance, [1])));
    await settled();
    for (const caller of callers) caller.go();
    await expect(outcomes[1]).rejects.toBeInstanceOf(CallerGone);
    expect(queue.entered).toBe(1);
    await expect(queue.run(arriving, job(instance, [3]))).rejects.toBeInstanceOf(CallerGone);
    waiting.leave();
    runs[0]?.end();
    await outcomes[0];
    running.leave();
    running.leave();
    expect([queue.entered, runs.length]).toEqual([0, 1]);
  });
});

describe('requests that run alone', () => {
  it('run first come, first served, as many at a time as the engine wants, and tell the wait', async () => {
    let now = 0;
    const queue = new RunQueue(LIMITS, () => now);
    const { instance, runs } = held(2);
    const ran = [1, 2, 3].map((n) => ask(queue, job(instance, [n])));
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
    const failed = ask(queue, job(instance, [Number.NaN]));
    const next = valuesOf(ask(queue, job(instance, [5])));
    await settled();
    runs[0]?.end();
    await expect(failed).rejects.toThrow('not a number');
    await settled();
    runs[1]?.end();
    expect(await next).toEqual([5]);
    expect(runs).toHaveLength(2);
  });
});

describe('requests that may share a run', () => {
  it('go together with what waits when the engine is free', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const how = plan(4);
    const first = ask(queue, job(instance, [1], how));
    await settled();
    const others = [[2], [3, 4], [5], [6]].map((values) => ask(queue, job(instance, values, how)));
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
    for (const n of [1, 2, 3]) void ask(queue, job(instance, [n], how));
    await settled();
    void ask(queue, job(instance, [4], how));
    await settled();
    expect(runs.map(({ values }) => values)).toEqual([[1, 2, 3]]);
    for (const n of [5, 6]) void ask(queue, job(instance, [n], how));
    await settled();
    expect(runs.map(({ values }) => values)).toEqual([
      [1, 2, 3],
      [4, 5, 6],
    ]);
  });

  it('wait for more where the manifest says so, no longer than that, and not once they are enough', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held(4);
    const how = plan(2, 60_000);
    void ask(queue, job(instance, [1], how));
    await settled();
    expect(runs).toHaveLength(0);
    void ask(queue, job(instance, [2], how));
    await settled();
    expect(runs.map(({ values }) => values)).toEqual([[1, 2]]);
    runs[0]?.end();
    const late = ask(queue, job(instance, [3], plan(2, 30)));
    while (runs.length < 2) await settled();
    runs[1]?.end();
    expect((await late).queuedMs).toBeGreaterThanOrEqual(29);
  });

  it('are begun before those that have just been computed are answered', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const first = ask(queue, job(instance, [1], plan(1)));
    const second = ask(queue, job(instance, [2], plan(1)));
    await settled();
    runs[0]?.end();
    await first;
    expect(runs).toHaveLength(2);
    runs[1]?.end();
    await second;
  });

  it('do not stay in one batch when all ask again as soon as they are answered', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const together = plan(64);
    const callers = Array.from({ length: 40 }, async () => {
      for (const value of [1, 2]) await ask(queue, job(instance, [value], together));
    });
    await settled();
    runs[0]?.end();
    await settled();
    runs[1]?.end();
    await settled();
    runs[2]?.end();
    await Promise.all(callers);
    expect(runs.map(({ values }) => values.length)).toEqual([40, expect.any(Number), expect.any(Number)]);
  });

  it('are run alone once where the model refuses them together', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const how = plan(4);
    const ran = [[1], [Number.NaN], [3]].map((values) => valuesOf(ask(queue, job(instance, values, how))));
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
    const ran = [[1], [2]].map((values) => valuesOf(ask(queue, job(instance, values, how))));
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
    const ran = [[1], [2]].map((values) => ask(queue, job(instance, values, how)));
    for (const { status } of await Promise.allSettled(ran)) expect(status).toBe('rejected');
  });
});

describe('tenants', () => {
  it('take turns by items, whoever has more requests waiting, and may share a run', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const how = plan(3);
    for (const n of [1, 2, 3, 4, 5, 6]) void ask(queue, job(instance, [n], how), claimOf('a'));
    await settled();
    for (const n of [20, 21]) void ask(queue, job(instance, [n], how), claimOf('b'));
    void ask(queue, job(instance, [30, 31]), claimOf('c'));
    for (let i = 0; i < 4; i++) {
      runs[i]?.end();
      await settled();
    }
    expect(runs.map(({ values }) => values)).toEqual([
      [1, 2, 3],
      [4, 20, 5],
      [30, 31],
      [21, 6],
    ]);
  });

  it('that had more than others wait until those had as much, and catch up on nothing that they did not ask for', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    const many = Array.from({ length: 4 }, (_, i) => i);
    for (const n of [1, 2, 3, 4, 5, 6]) void ask(queue, job(instance, [n]), claimOf('a'));
    void ask(queue, job(instance, many), claimOf('b'));
    const next = async () => {
      await settled();
      runs.at(-1)?.end();
      await settled();
    };
    await next();
    void ask(queue, job(instance, many), claimOf('b'));
    for (let i = 0; i < 7; i++) await next();
    expect(runs.map(({ values }) => values)).toEqual([[1], many, [2], [3], [4], [5], many, [6]]);
  });

  it('leave room for others when they have taken all of theirs, and the less the more there are', () => {
    const queue = new RunQueue({ requests: 8, bytes: 80 });
    const enter = (tenant: string, bytes = 0) => {
      try {
        return queue.enter(claimOf(tenant), bytes);
      } catch {
        return undefined;
      }
    };
    const flood = Array.from({ length: 10 }, () => enter('a')).filter((place) => place !== undefined);
    expect(flood).toHaveLength(8);
    const others = [enter('b'), enter('c')];
    expect(others.every((place) => place !== undefined)).toBe(true);
    expect(enter('d')).toBeUndefined();
    flood.pop()?.leave();
    // It has seven, and of the one place that is free it may have four times as much.
    expect(enter('a')).toBeUndefined();
    expect(enter('d', 80)).toBeDefined();
    expect(enter('e', 21)).toBeUndefined();
    flood.pop()?.leave();
    expect(enter('e', 20)).toBeDefined();
  });
});

describe('priorities', () => {
  it('order what one tenant has waiting, and put it before nobody else', async () => {
    const queue = new RunQueue(LIMITS);
    const { instance, runs } = held();
    void ask(queue, job(instance, [0]), claimOf('a'));
    await settled();
    for (const priority of [3, 2, 1] as const) void ask(queue, job(instance, [priority]), claimOf('a', priority));
    for (const n of [10, 11]) void ask(queue, job(instance, [n]), claimOf('b'));
    for (let i = 0; i < 6; i++) {
      runs[i]?.end();
      await settled();
    }
    expect(runs.flatMap(({ values }) => values)).toEqual([0, 1, 10, 2, 11, 3]);
  });

  it('are a head start: the lowest waits 4 s longer at most', async () => {
    let now = 0;
    const queue = new RunQueue(LIMITS, () => now);
    const { instance, runs } = held();
    void ask(queue, job(instance, [0]), claimOf());
    await settled();
    void ask(queue, job(instance, [3]), claimOf('a', 3));
    now = 3999;
    void ask(queue, job(instance, [1]), claimOf('a', 1));
    now = 4001;
    void ask(queue, job(instance, [2]), claimOf('a', 1));
    for (let i = 0; i < 3; i++) {
      runs[i]?.end();
      await settled();
    }
    expect(runs.flatMap(({ values }) => values)).toEqual([0, 1, 3, 2]);
  });
});

describe('deadlines', () => {
  const late = expect.objectContaining({ code: 'deadline_exceeded' });

  it('that pass while a request waits drop it, at once or when its turn would come', async () => {
    let now = 0;
    const queue = new RunQueue(LIMITS, () => now);
    const { instance, runs } = held();
    const first = ask(queue, job(instance, [1]), claimOf('a', 2, 10));
    await settled();
    const soon = ask(queue, job(instance, [2]), claimOf('a', 2, 20));
    await expect(soon).rejects.toEqual(late);
    const long = ask(queue, job(instance, [3]), claimOf('a', 2, 60_000));
    const last = ask(queue, job(instance, [4]));
    now = 60_000;
    runs[0]?.end();
    await expect(long).rejects.toEqual(late);
    await settled();
    runs[1]?.end();
    await Promise.all([first, last]);
    expect(runs.map(({ values }) => values)).toEqual([[1], [4]]);
  });

  it('that cannot be met are refused before anything is read, judged by what waits before and the time it took', async () => {
    let now = 0;
    const queue = new RunQueue(LIMITS, () => now);
    const { instance, runs } = held();
    const enter = (timeoutMs: number, tenant = 'a', priority: Priority = 2) =>
      queue.enter(claimOf(tenant, priority, timeoutMs, now));
    for (let i = 0; i < 4; i++) void ask(queue, job(instance, [i]), claimOf('a', 3));
    await settled();
    // Nothing has been measured.
    expect(() => enter(1)).not.toThrow();
    now = 100;
    runs[0]?.end();
    await settled();
    expect(() => enter(200, 'a', 3)).toThrow(late);
    expect(() => enter(201, 'a', 3)).not.toThrow();
    // Before these goes nobody for certain: they are more urgent, or another tenant's.
    expect(() => enter(1)).not.toThrow();
    expect(() => enter(1, 'b')).not.toThrow();
    expect(() => queue.enter(claimOf('b', 2, 100, 0))).toThrow(late);
  });

  it('are not judged by runs that many may share', async () => {
    let now = 0;
    const queue = new RunQueue(LIMITS, () => now);
    const { instance, runs } = held();
    const how = plan(8);
    for (let i = 0; i < 16; i++) void ask(queue, job(instance, [i], how));
    await settled();
    now = 100;
    runs[0]?.end();
    await settled();
    for (let i = 0; i < 7; i++) void ask(queue, job(instance, [i], how));
    expect(() => queue.enter(claimOf('a', 2, 1, now))).not.toThrow();
    void ask(queue, job(instance, [7], how));
    expect(() => queue.enter(claimOf('a', 2, 100, now))).toThrow(late);
    expect(() => queue.enter(claimOf('a', 2, 101, now))).not.toThrow();
  });

  it('shorten the wait for others to run with to half of what is left', async () => {
    let now = 0;
    const queue = new RunQueue(LIMITS, () => now);
    const { instance, runs } = held();
    const how = plan(8, 60_000);
    const asked = [ask(queue, job(instance, [1], how)), ask(queue, job(instance, [2], how), claimOf('a', 2, 60_000))];
    for (now of [29_999, 30_000]) {
      expect(runs).toHaveLength(0);
      asked.push(ask(queue, job(instance, [now], how)));
      await settled();
    }
    runs[0]?.end();
    expect(await Promise.all(asked.map(valuesOf))).toEqual([[1], [2], [29_999], [30_000]]);
  });
});
