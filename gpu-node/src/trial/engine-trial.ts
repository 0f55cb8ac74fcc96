/** Tries a version on one more engine with what its trial ran on the CPU, apart from everything that serves, and compares the answers. */
import { close, type EngineTrial, largestDifference } from '@lepton-edge/protocol';
import { type Engine, EngineError, type Instance, type ModelSource } from '../engines/engine.ts';
import type { TrialSample } from './messages.ts';

/** Of a trial's time, what each load and each run may take. Loading happens twice, and may be done again. */
const SHARE = 0.25;
const MEASURED_RUNS = 5;
/** A run that takes longer is measured enough by itself. */
const MEASURE_MS = 200;

export interface TriedVersion {
  source: ModelSource;
  sample: TrialSample;
  /** Whether two runs on the CPU agreed: whoever does not repeat itself cannot be compared. */
  deterministic: boolean;
}

/** @param timeMs that all of it may take, about. Never rejects */
export async function tryOnEngine(engine: Engine, version: TriedVersion, timeMs: number): Promise<EngineTrial> {
  const { name, device } = engine.report;
  const limitMs = timeMs * SHARE;
  const startedAt = performance.now();
  let found = await attempt(engine, version, limitMs);
  // Others use the device, too: what broke down at once gets a second chance. What hung has had its time.
  if (found.outcome === 'failed' && performance.now() - startedAt < limitMs)
    found = await attempt(engine, version, limitMs);
  return { engine: name, device, ...found };
}

type Found = Omit<EngineTrial, 'engine' | 'device'>;

async function attempt(
  engine: Engine,
  { source, sample, deterministic }: TriedVersion,
  limitMs: number,
): Promise<Found> {
  const startedAt = performance.now();
  let instance: Instance | undefined;
  try {
    instance = await engine.loadApart?.(source, limitMs);
    if (!instance) return { outcome: 'refused', reason: 'it tries no models' };
    const loadMs = round(performance.now() - startedAt);
    const first = await run(instance, sample);
    const runMs = round(await measured(instance, sample, first.runMs));
    const difference = largestDifference(first.outputs, sample.outputs);
    const times = { loadMs, runMs, ...(difference === undefined ? {} : { maxDifference: difference }) };
    if (!deterministic || close(first.outputs, sample.outputs)) return { outcome: 'ran', ...times };
    const reason = 'its answer has another form, or other numbers that are none';
    return { outcome: 'differs', ...times, ...(difference === undefined ? { reason } : {}) };
  } catch (error) {
    const isRefusal = error instanceof EngineError && error.failure !== 'lost';
    const reason = (error instanceof Error ? error.message : String(error)).slice(0, 500);
    return { outcome: isRefusal ? 'refused' : 'failed', reason };
  } finally {
    await instance?.unload().catch(() => undefined);
  }
}

async function run(instance: Instance, { inputs, outputs }: TrialSample) {
  // The engine takes the buffers over, so each run gets its own.
  return await instance.run({ inputs: structuredClone(inputs), outputs: outputs.map(({ name }) => name) });
}

/** The first run has things to set up. @returns milliseconds of one run */
async function measured(instance: Instance, sample: TrialSample, firstMs: number): Promise<number> {
  const count = firstMs > MEASURE_MS ? 1 : MEASURED_RUNS;
  let total = 0;
  for (let i = 0; i < count; i++) total += (await run(instance, sample)).runMs;
  return total / count;
}

function round(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}
