/** The first runs of a loaded model, on made-up inputs: what they set up, no caller waits for. */
import { type Admission, generateInputs, type Manifest, trialShapes } from '@lepton-edge/protocol';
import { EngineError, type Instance } from '../engines/engine.ts';

export interface WarmUp {
  runs: number;
  tookMs: number;
  /** Of the last run; absent where there was none. */
  runMs?: number;
  /** Why there was none: the model refuses every kind of input that was made up. */
  refused?: string;
  /** The run under way is not waited for any longer. */
  unfinished?: true;
}

const MAX_RUNS = 3;
/** No further run is begun after this. */
const WITHIN_MS = 1_000;
/** A run is waited for so long; nothing can end it. */
const PATIENCE_MS = 5_000;
/** A run that takes at least this part of the one before it had nothing more to set up. */
const SETTLED = 0.8;

export interface WarmedUp {
  warmUp: WarmUp;
  /** Of the inputs that the model took; undefined where it took none. */
  shapes: Record<string, number[]> | undefined;
}

/**
 * Runs the model until the time of a run has settled, a few times at most.
 * @throws EngineError `lost` when the instance does not survive it
 */
export async function warmUp(instance: Instance, manifest: Manifest, admission?: Admission): Promise<WarmedUp> {
  const startedAt = performance.now();
  const result: WarmUp = { runs: 0, tookMs: 0 };
  const { promise: late, resolve } = Promise.withResolvers<'late'>();
  const shapes = likelyShapes(manifest, admission);
  const timer = setTimeout(() => resolve('late'), PATIENCE_MS);
  try {
    const ended = await Promise.race([runUntilSettled(instance, manifest, shapes, startedAt, result), late]);
    const tookMs = performance.now() - startedAt;
    if (ended === 'late') return { warmUp: { ...result, unfinished: true, tookMs }, shapes: undefined };
    return { warmUp: { ...result, tookMs }, shapes: ended };
  } finally {
    clearTimeout(timer);
  }
}

async function runUntilSettled(
  instance: Instance,
  manifest: Manifest,
  likely: readonly Record<string, number[]>[],
  startedAt: number,
  result: WarmUp,
): Promise<Record<string, number[]> | undefined> {
  const outputs = manifest.outputs.map(({ name }) => name);
  for (const shapes of likely) {
    try {
      while (result.runs < MAX_RUNS && performance.now() - startedAt < WITHIN_MS) {
        const before = result.runMs;
        // The engine takes the buffers over, so each run gets its own.
        result.runMs = (await instance.run({ inputs: generateInputs(manifest, shapes, 1), outputs })).runMs;
        result.runs++;
        if (before !== undefined && result.runMs >= before * SETTLED) break;
      }
      delete result.refused;
      return shapes;
    } catch (error) {
      if (error instanceof EngineError && error.failure === 'lost') throw error;
      result.refused ??= error instanceof Error ? error.message : String(error);
    }
  }
  result.refused ??= 'its inputs would be too large to be made up';
  return undefined;
}

/** First those on which it was tried when it was admitted. */
function likelyShapes(manifest: Manifest, admission: Admission | undefined): Record<string, number[]>[] {
  const tried = admission?.node?.shapes ?? admission?.edge?.shapes;
  const fits = tried && manifest.inputs.every(({ name, shape }) => tried[name]?.length === shape.length);
  return fits ? [tried, ...trialShapes(manifest)] : trialShapes(manifest);
}
