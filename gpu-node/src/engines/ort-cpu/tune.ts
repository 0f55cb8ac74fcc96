/** Whether a model runs best on one thread, on several, or in several copies: found out by trying, in little time. */
import type { CopyRoom, Instance, RunInput, Tuning } from '../engine.ts';

export interface CpuOptions {
  /** On which a run is. */
  threads: number | 'auto';
  /** Copies of a model. */
  instances: number | 'auto';
  /** Of the machine. */
  cores: number;
}

/** Shorter runs spend as much time on their way there and back as in the model. */
const MIN_RUN_MS = 2;
/** What takes longer is run once more at most, with all its threads. */
const LONG_RUN_MS = 100;
const MAX_MS = 300;
const MAX_THREADS = 8;
/** A gain below this may be chance, and costs what others could use. */
const WORTH = 1.3;
/** Threads are better than copies that do a little more: one caller has them, too, and the weights are there once. */
const PREFERRED = 1.25;

interface Tuned {
  tuning: Tuning;
  /** What the model runs on from now on; what else was tried is gone, but for `first`, which is the caller's. */
  instances: Instance[];
}

/**
 * One core is left to HTTP: with fewer than three there is nothing to choose.
 * @param first on which the model runs so far
 * @param start one more, on so many threads
 * @param sample as `Instance.tune`
 */
export async function tune(
  first: Instance,
  start: (threads: number) => Promise<Instance>,
  { threads, instances, cores }: CpuOptions,
  sample: (() => RunInput) | undefined,
  room: CopyRoom,
): Promise<Tuned> {
  const spare = Math.min(cores - 1, MAX_THREADS);
  const own = threads === 'auto' ? 1 : threads;
  if (instances !== 'auto' && instances > 1) return await grow([first], start, own, instances, room);
  const as = { tuning: { threads: own, copies: 1 }, instances: [first] };
  // Half of the room is other models'.
  const copies = instances === 'auto' ? Math.min(Math.floor(spare / own), 1 + Math.floor(room.free / 2)) : 1;
  const isOpen = (threads === 'auto' && spare > 1) || copies > 1;
  // What is tried beside it needs room, too.
  if (!isOpen || !sample || room.free < 1) return as;
  const tried: Instance[] = [];
  let kept: Instance[] = [];
  try {
    const startedAt = performance.now();
    const alone = await fastest(first, sample);
    if (alone < MIN_RUN_MS) return as;
    let wide: Instance | undefined;
    let gain = 1;
    if (threads === 'auto' && room.book(1) === 1) {
      wide = await start(spare);
      tried.push(wide);
      gain = alone / (await fastest(wide, sample));
    }
    const isShort = alone < LONG_RUN_MS && performance.now() - startedAt < MAX_MS;
    if (copies > 1 && isShort && room.book(1) === 1) {
      const second = await start(own);
      tried.push(second);
      await second.run(sample());
      const perCopy = alone / (await together(first, second, sample));
      const growth = perCopy * copies;
      if (growth >= WORTH && growth > gain * PREFERRED) {
        kept = [second];
        return await grow([first, second], start, own, copies, room);
      }
    }
    if (!wide || gain < WORTH) return as;
    kept = [wide];
    return { tuning: { threads: spare, copies: 1 }, instances: [wide] };
  } catch {
    // As it is, it runs: a trial that fails changes nothing.
    kept = [];
    return as;
  } finally {
    await Promise.all(tried.map((instance) => (kept.includes(instance) ? undefined : instance.unload())));
  }
}

/** A copy that cannot be had is done without. */
async function grow(
  there: Instance[],
  start: (threads: number) => Promise<Instance>,
  threads: number,
  copies: number,
  room: CopyRoom,
): Promise<Tuned> {
  const more = Array.from({ length: room.book(Math.max(0, copies - there.length)) }, () => start(threads));
  const started = (await Promise.allSettled(more)).flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  const instances = [...there, ...started];
  return { tuning: { threads, copies: instances.length }, instances };
}

/** Milliseconds of a run: of a short one the best of three, the first of which sets things up. */
async function fastest(instance: Instance, sample: () => RunInput): Promise<number> {
  let best = (await instance.run(sample())).runMs;
  for (let i = 0; i < 2 && best < LONG_RUN_MS; i++) best = Math.min(best, (await instance.run(sample())).runMs);
  return best;
}

/** Milliseconds of a run while the other runs, too. */
async function together(a: Instance, b: Instance, sample: () => RunInput): Promise<number> {
  const both = await Promise.all([a, b].map((instance) => fastest(instance, sample)));
  return Math.max(...both);
}
