import { type BatchPlan, batchPlan, LeptonError, memberOf, type Tensor } from '@lepton-edge/protocol';
import { describe, expect, it, vi } from 'vitest';
import { FailedTogether, type Job, RunQueue } from './run-queue.ts';

const x = { name: 'x', datatype: 'FP32' as const, shape: [-1] };
const signature = { inputs: [x], outputs: [{ ...x, name: 'y' }], stateful: false };
const planOf = (maxBatchSize: number) =>
  batchPlan({ ...signature, batching: { maxBatchSize, maxDelayMs: 0 } }) as BatchPlan;
const tensor = (name: string, ...data: number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [data.length],
  data: Float32Array.from(data),
});

/** Doubles its input; a negative one is refused. */
function queueOf(gather = () => new Promise<void>((resolve) => setTimeout(resolve)), now = () => 0) {
  const runs: number[][] = [];
  const queue = new RunQueue({ now, gather });
  const run: Job['run'] = async ([input], _outputs, isShared) => {
    const data = [...((input as Tensor).data as Float32Array)];
    runs.push(data);
    if (data.some((value) => value < 0)) {
      throw isShared ? new FailedTogether() : new LeptonError('inference_failed', 'negative');
    }
    return [tensor('y', ...data.map((value) => value * 2))];
  };
  const ask = (value: number, changes: Partial<Job> & { plan?: BatchPlan } = {}) => {
    const { plan, ...rest } = changes;
    const inputs = [tensor('x', value)];
    const member = plan && memberOf(plan, inputs, ['y']);
    const batchable = plan && member && { plan, member };
    const job = {
      line: 'm',
      team: rest.line ?? 'm',
      bytes: 4,
      costMs: 1,
      aloneMs: 1,
      inputs,
      outputs: ['y'],
      batchable,
      check() {},
      run,
    };
    const kept: Promise<unknown>[] = [];
    const ran = queue.run({ ...job, ...rest }, (promise) => kept.push(promise));
    return ran.then(({ outputs: [y], shared }) => ({ y: [...((y as Tensor).data as Float32Array)], shared }));
  };
  return { queue, runs, ask };
}

describe('runs that wait', () => {
  it('of one version go together as far as the batch and its cost allow, each with its own answer', async () => {
    const { queue, runs, ask } = queueOf();
    const plan = planOf(4);
    const answers = await Promise.all([1, 2, 3, 4, 5].map((value) => ask(value, { plan })));
    expect(runs).toEqual([[1, 2, 3, 4], [5]]);
    expect(answers.map(({ y }) => y)).toEqual([[2], [4], [6], [8], [10]]);
    expect(answers.map(({ shared }) => shared)).toEqual([4, 4, 4, 4, 1]);
    expect([queue.isIdle, queue.queuedMs]).toEqual([true, 0]);
    runs.length = 0;
    await Promise.all([1, 2, 3].map((value) => ask(value, { plan, costMs: 40, aloneMs: 60 })));
    expect(runs).toEqual([[1, 2], [3]]);
  });

  it('of several versions take turns, and none goes together with another’s', async () => {
    const { queue, runs, ask } = queueOf();
    const [a, b] = [planOf(8), planOf(8)];
    const long = [1, 2].map((value) => ask(value, { line: 'long', aloneMs: 90, costMs: 90 }));
    const short = [10, 11].map((value) => ask(value, { line: 'short', plan: a }));
    const other = ask(20, { line: 'other', plan: b });
    expect(queue.queuedMs).toBe(183);
    await Promise.all([...long, ...short, other]);
    // The one called first lets the cheaper go first.
    expect(runs).toEqual([[10, 11], [20], [1], [2]]);
  });

  it('of several teams go together, too, and the one that has many waiting keeps no other from its turn', async () => {
    const { runs, ask } = queueOf();
    const plan = planOf(4);
    const many = [1, 2, 3, 4, 5, 6, 7, 8].map((value) => ask(value, { line: 'm many', plan }));
    const few = [20, 21].map((value) => ask(value, { line: 'm few', plan }));
    await Promise.all([...many, ...few]);
    expect(runs).toEqual([
      [1, 2, 3, 4],
      [20, 21, 5, 6],
      [7, 8],
    ]);
  });

  it('fail by themselves: what was refused together is run alone', async () => {
    const { runs, ask } = queueOf();
    const plan = planOf(8);
    const outcomes = await Promise.allSettled([1, -2, 3].map((value) => ask(value, { plan })));
    expect(runs).toEqual([[1, -2, 3], [1], [-2], [3]]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(outcomes[1]).toMatchObject({ reason: { code: 'inference_failed' } });
  });

  it('are not begun once their time is over', async () => {
    const { runs, ask } = queueOf();
    const plan = planOf(8);
    const check = () => {
      throw new LeptonError('deadline_exceeded', 'late');
    };
    const outcomes = await Promise.allSettled([ask(1, { plan, check }), ask(2, { plan }), ask(3, { plan, check })]);
    expect(runs).toEqual([[2]]);
    expect(outcomes.map((outcome) => outcome.status)).toEqual(['rejected', 'fulfilled', 'rejected']);
  });

  it('that will never be run are told so', async () => {
    const { queue, runs, ask } = queueOf();
    const outcomes = Promise.allSettled([ask(1), ask(2)]);
    queue.rejectAll(new LeptonError('no_placement', 'stopped'));
    expect((await outcomes).map((outcome) => outcome.status)).toEqual(['rejected', 'rejected']);
    expect(runs).toEqual([]);
    expect(await ask(3)).toEqual({ y: [6], shared: 1 });
  });

  it('go on when the request that was called is gone, and it comes last where it is not', async () => {
    vi.useFakeTimers();
    try {
      const runs: number[] = [];
      const stuck = Promise.withResolvers<void>();
      let gathers = 0;
      // As of a request that ended: the first that is called is not heard of again for long.
      const gather = () => (gathers++ === 0 ? stuck.promise : Promise.resolve());
      const queue = new RunQueue({ now: () => 0, gather });
      const ask = (value: number) => {
        const run = async () => {
          runs.push(value);
          return [tensor('y', value)];
        };
        const rest = { bytes: 4, costMs: 1, aloneMs: 1, outputs: ['y'], batchable: undefined, check() {}, run };
        return queue.run({ ...rest, line: String(value), team: 't', inputs: [] }, () => undefined);
      };
      const all = [1, 2, 3].map(ask);
      await vi.advanceTimersByTimeAsync(1_000);
      expect(runs).toEqual([2, 3]);
      stuck.resolve();
      await Promise.all(all);
      expect(runs).toEqual([2, 3, 1]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('take no place any more once their time is over, and are told so', async () => {
    vi.useFakeTimers();
    try {
      const { queue, ask } = stuckQueue();
      let isLate = false;
      const check = () => {
        if (isLate) throw new LeptonError('deadline_exceeded', 'late');
      };
      void ask(1);
      const late = ask(2, { check }).catch(({ code }) => code);
      expect(queue.queuedMs).toBe(2);
      isLate = true;
      await vi.advanceTimersByTimeAsync(300);
      expect(await late).toBe('deadline_exceeded');
      expect(queue.queuedMs).toBe(1);
    } finally {
      vi.useRealTimers();
    }
  });

  it('that were taken into a run whose request is gone are run by others', async () => {
    vi.useFakeTimers();
    try {
      const { queue, runs, ask } = queueOf(() => Promise.resolve());
      const plan = planOf(8);
      const gone = () => new Promise<never>(() => undefined);
      void ask(1, { plan, run: gone });
      const others = Promise.all([ask(2, { plan }), ask(3, { plan })]);
      await vi.advanceTimersByTimeAsync(2_000);
      expect((await others).map(({ y }) => y)).toEqual([[4], [6]]);
      expect(runs.flat().sort()).toEqual([2, 3]);
      expect([queue.isIdle, queue.queuedMs]).toEqual([true, 0]);
    } finally {
      vi.useRealTimers();
    }
  });

  it('are forgotten where all of their requests are gone', async () => {
    vi.useFakeTimers();
    try {
      const { queue, runs, ask, end } = stuckQueue();
      void ask(1);
      void ask(2);
      vi.clearAllTimers();
      await vi.advanceTimersByTimeAsync(4_000);
      expect(queue.queuedMs).toBe(2);
      await vi.advanceTimersByTimeAsync(2_000);
      expect([queue.isIdle, queue.queuedMs]).toEqual([true, 0]);
      // They were not gone after all.
      end();
      await vi.advanceTimersByTimeAsync(0);
      expect(runs).toEqual([[2], [1]]);
    } finally {
      vi.useRealTimers();
    }
  });
});

/** Of which the first that is called is not heard of again until it is ended. */
function stuckQueue() {
  const stuck = Promise.withResolvers<void>();
  let gathers = 0;
  return { ...queueOf(() => (gathers++ === 0 ? stuck.promise : Promise.resolve()), Date.now), end: stuck.resolve };
}
