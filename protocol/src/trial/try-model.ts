/** The trial of a model: run it on generated inputs, alone and in batches, and tell what that costs and whether it agrees. */
import type { Tensor } from '../tensor/tensor.ts';
import type { Manifest, TrialReport } from '../versions.ts';
import { type BatchAxes, batchAxes, slice, stack } from './batch.ts';
import { close, same } from './compare.ts';
import { generateInputs, MAX_ELEMENTS, trialShapes } from './inputs.ts';

/** A loaded model, wherever it is. */
export interface TrialRunner {
  /**
   * Runs the inputs `times` times.
   * @returns the answer, all outputs in the manifest's order, and the milliseconds of one run
   * @throws TrialRefusal when the model refuses these inputs; anything else ends the trial
   */
  run(inputs: Tensor[], times: number): Promise<{ outputs: Tensor[]; runMs: number }>;
}

/** The model works, but not on these inputs. */
export class TrialRefusal extends Error {
  override readonly name = 'TrialRefusal';
}

export type Measures = Omit<TrialReport, 'where' | 'engine' | 'loadMs' | 'wasmBytes'>;

/** Enough runs for a figure, and no longer than this. */
const MEASURE_MS = 200;
const MAX_RUNS = 300;
const BATCHES = [4, 8];
/** What will take longer is not tried in batches: the trial is to end, and at the edge nothing interrupts it. */
const MAX_BATCH_MS = 5_000;

/**
 * @param candidates the shapes to try, the likeliest first
 * @throws TrialRefusal when every kind of generated input was refused; whatever else the runner throws
 */
export async function tryModel(
  manifest: Manifest,
  runner: TrialRunner,
  candidates = trialShapes(manifest),
): Promise<Measures> {
  const { shapes, inputs, outputs, firstMs } = await firstRun(manifest, runner, candidates);
  const { outputs: again, runMs: againMs } = await runner.run(inputs, 1);
  // A slow one is measured already, by a run that had nothing more to set up.
  const { runMs } = firstMs > MEASURE_MS ? { runMs: againMs } : await runner.run(inputs, runsFor(firstMs));
  const axes = batchAxes(manifest);
  const sizes = BATCHES.filter((size) => runMs * size <= MAX_BATCH_MS);
  const batched = axes && sizes.length > 0 ? await tryBatches(manifest, runner, shapes, axes, sizes) : undefined;
  return {
    runMs: round(runMs),
    perItemMs: { 1: round(runMs), ...batched?.perItemMs },
    ...(batched ? { batchInvariant: batched.invariant } : {}),
    deterministic: same(outputs, again),
    shapes,
  };
}

/** The first of the likely shapes that the model takes. */
async function firstRun(manifest: Manifest, runner: TrialRunner, candidates: ReturnType<typeof trialShapes>) {
  const sentences: string[] = [];
  for (const shapes of candidates) {
    const inputs = generateInputs(manifest, shapes, 1);
    try {
      const { outputs, runMs: firstMs } = await runner.run(inputs, 1);
      return { shapes, inputs, outputs, firstMs };
    } catch (error) {
      if (!(error instanceof TrialRefusal)) throw error;
      sentences.push(error.message);
    }
  }
  throw new TrialRefusal(sentences[0] ?? `its inputs would be more than ${MAX_ELEMENTS} elements together`);
}

async function tryBatches(
  manifest: Manifest,
  runner: TrialRunner,
  shapes: Record<string, number[]>,
  axes: BatchAxes,
  sizes: readonly number[],
): Promise<{ perItemMs: Record<string, number>; invariant: boolean }> {
  const perItemMs: Record<string, number> = {};
  const items = Array.from({ length: Math.max(...sizes) }, (_, i) => generateInputs(manifest, shapes, i + 1));
  const singles: Tensor[][] = [];
  for (const item of items) singles.push((await runner.run(item, 1)).outputs);
  let invariant = true;
  for (const size of sizes) {
    const batch = together(items.slice(0, size), axes);
    try {
      const { outputs, runMs: firstMs } = await runner.run(batch, 1);
      invariant &&= agreesWithSingles(outputs, singles.slice(0, size), axes);
      const { runMs } = await runner.run(batch, runsFor(firstMs));
      perItemMs[size] = round(runMs / size);
    } catch (error) {
      if (!(error instanceof TrialRefusal)) throw error;
      return { perItemMs, invariant: false };
    }
  }
  return { perItemMs, invariant };
}

/** Inputs without a batch axis are the first item's. */
function together(items: readonly Tensor[][], axes: BatchAxes): Tensor[] {
  const [first = []] = items;
  return first.map((input, i) => {
    const axis = axes.get(input.name);
    return axis === undefined
      ? input
      : stack(
          items.map((item) => item[i] ?? input),
          axis,
        );
  });
}

/** Whether each item's slice of a batch's outputs is what it got on its own. */
function agreesWithSingles(outputs: readonly Tensor[], singles: readonly Tensor[][], axes: BatchAxes): boolean {
  const starts = new Map<string, number>();
  return singles.every((single) =>
    single.every((alone, i) => {
      const output = outputs[i];
      const axis = output && axes.get(output.name);
      if (!output || axis === undefined) return false;
      const count = alone.shape[axis] ?? 0;
      const from = starts.get(output.name) ?? 0;
      starts.set(output.name, from + count);
      if (from + count > (output.shape[axis] ?? 0)) return false;
      return close([slice(output, axis, from, count)], [alone]);
    }),
  );
}

function runsFor(runMs: number): number {
  return Math.max(1, Math.min(MAX_RUNS, Math.floor(MEASURE_MS / Math.max(runMs, 0.01))));
}

/** Microseconds: more than any clock here tells. */
function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
