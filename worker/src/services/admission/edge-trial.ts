/** Tries a version in the trial Worker, and measures from outside: no clock advances inside while it computes. */
import {
  type Manifest,
  type TensorSpec,
  TrialRefusal,
  type TrialReport,
  type TrialRunner,
  tryModel,
} from '@lepton-edge/protocol';
import type TrialWorker from '../../trial/trial-worker.ts';
import type { TrialModel } from '../../trial/trial-worker.ts';
import type { TrialOutcome } from './outcome.ts';

export type TrialService = Service<typeof TrialWorker>;

/** As workerd says it of a call between Workers. */
const TOO_LARGE = /Serialized RPC arguments or return values are limited/;
const TOO_LARGE_SENTENCE =
  'its inputs or its outputs are more than the 32 MiB that the trial at the edge takes and gives';

/**
 * @param shapes the only ones to try, where no node has bounded the others
 * @returns the measures, or why there are none
 */
export async function tryAtEdge(
  trial: TrialService,
  model: TrialModel,
  manifest: Manifest,
  shapes: Record<string, number[]> | undefined,
  now: () => number,
): Promise<TrialOutcome> {
  const began = now();
  const session = await trial.load(model);
  if (!session.ok) return { ok: false, failure: session.failure };
  const loadMs = now() - began;
  const signature = signatureOf(manifest, session);
  const outputs = signature.outputs.map(({ name }) => name);
  let wasmBytes = 0;
  const call = async (inputs: Parameters<TrialService['run']>[1], times: number) => {
    const startedAt = now();
    const answer = await trial.run(model, inputs, outputs, times).catch((error: unknown) => {
      throw TOO_LARGE.test(String(error)) ? new TrialRefusal(TOO_LARGE_SENTENCE) : error;
    });
    if (!answer.ok)
      throw answer.failure.kind === 'inputs' ? new TrialRefusal(answer.failure.message) : new Failed(answer.failure);
    wasmBytes = Math.max(wasmBytes, answer.wasmBytes);
    return { outputs: answer.outputs, tookMs: now() - startedAt };
  };
  try {
    const runner: TrialRunner = {
      async run(inputs, times) {
        const idle = await call(inputs, 0);
        const busy = await call(inputs, times);
        return { outputs: busy.outputs, runMs: Math.max(0, busy.tookMs - idle.tookMs) / times };
      },
    };
    const measures = await tryModel(signature, runner, shapes ? [shapes] : undefined);
    const report: TrialReport = { where: 'edge', engine: 'ort-wasm', loadMs, wasmBytes, ...measures };
    return { ok: true, report, inputs: session.inputs, outputs: session.outputs };
  } catch (error) {
    if (error instanceof Failed) return { ok: false, failure: error.failure };
    if (error instanceof TrialRefusal) return { ok: false, failure: { kind: 'inputs', message: error.message } };
    throw error;
  }
}

class Failed extends Error {
  readonly failure: Extract<TrialOutcome, { ok: false }>['failure'];

  constructor(failure: Extract<TrialOutcome, { ok: false }>['failure']) {
    super(failure.message);
    this.failure = failure;
  }
}

/** The file's signature is the session's where inspection could not read it. */
export function signatureOf(manifest: Manifest, found: { inputs: TensorSpec[]; outputs: TensorSpec[] }): Manifest {
  return manifest.inputs.length > 0 || manifest.outputs.length > 0
    ? manifest
    : { ...manifest, inputs: found.inputs, outputs: found.outputs };
}
