import { describe, expect, it } from 'vitest';
import { type CopyRoom, EngineError, type Instance, type Tuning } from '../engine.ts';
import { type CpuOptions, tune } from './tune.ts';

const AUTO: CpuOptions = { threads: 'auto', instances: 'auto', cores: 9 };
const sample = () => ({ inputs: [], outputs: [] });

/** @param copies the first included */
function roomFor(copies: number): CopyRoom {
  return {
    free: copies - 1,
    book: (wanted) => wanted,
  };
}

/** A machine on which a run takes so long, by the threads it is on and the runs beside it. */
function machine(runMs: (threads: number, beside: number) => number) {
  let running = 0;
  const started: number[] = [];
  const alive = new Set<Instance>();
  const start = async (threads: number) => {
    started.push(threads);
    const instance = {
      async run() {
        running++;
        await new Promise((resolve) => setImmediate(resolve));
        const beside = running - 1;
        running--;
        return { outputs: [], runMs: runMs(threads, beside) };
      },
      async unload() {
        alive.delete(instance);
      },
    } as unknown as Instance;
    alive.add(instance);
    return instance;
  };
  const tuned = async (options: Partial<CpuOptions> = {}, maxCopies = 100, isKnown = true): Promise<Tuning> => {
    const first = await start(1);
    started.length = 0;
    const { tuning, instances } = await tune(
      first,
      start,
      { ...AUTO, ...options },
      isKnown ? sample : undefined,
      roomFor(maxCopies),
    );
    if (!instances.includes(first)) await first.unload();
    expect(new Set(instances)).toEqual(alive);
    return tuning;
  };
  return { started, tuned, start };
}

const threadsGain = (threads: number) => 80 / threads;
/** Copies do not get in each other's way; threads gain nothing. */
const copiesGain = () => 10;
const sharesBandwidth = (_threads: number, beside: number) => 10 * (1 + beside * 7);

describe('tuning', () => {
  it.each([
    ['threads that gain', threadsGain, { threads: 8, copies: 1 }],
    ['copies that gain more', copiesGain, { threads: 1, copies: 8 }],
    ['neither where copies hold each other up', sharesBandwidth, { threads: 1, copies: 1 }],
  ])('takes %s', async (_what, runMs, expected) => {
    expect(await machine(runMs).tuned()).toEqual(expected);
  });

  it('starts nothing where there is nothing to gain, to choose or to try', async () => {
    const cases: [what: string, runMs: number, options: Partial<CpuOptions>, maxCopies: number, isKnown: boolean][] = [
      ['one core beside HTTP', 10, { cores: 2 }, 100, true],
      ['no room for what is tried', 10, {}, 1, true],
      ['no input known', 10, {}, 100, false],
      ['nothing left open', 10, { threads: 1, instances: 1 }, 100, true],
      ['a short model', 1, {}, 100, true],
    ];
    for (const [what, runMs, options, maxCopies, isKnown] of cases) {
      const { started, tuned } = machine(() => runMs);
      expect([what, await tuned(options, maxCopies, isKnown), started]).toEqual([what, { threads: 1, copies: 1 }, []]);
    }
  });

  it('leaves half of the room to others, and a long model without trying copies', async () => {
    expect(await machine(copiesGain).tuned({}, 6)).toEqual({ threads: 1, copies: 3 });
    const long = machine((threads) => 1_000 / threads);
    expect(await long.tuned()).toEqual({ threads: 8, copies: 1 });
    expect(long.started).toEqual([8]);
  });

  it('leaves what runs as it is where trying fails', async () => {
    const { start } = machine(threadsGain);
    const first = await start(1);
    const none = () => Promise.reject(new EngineError('lost', 'no memory'));
    expect(await tune(first, none, AUTO, sample, roomFor(100))).toEqual({
      tuning: { threads: 1, copies: 1 },
      instances: [first],
    });
  });
});
