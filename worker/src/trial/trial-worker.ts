/**
 * The Worker that models are tried in: ONNX Runtime in a heap of its own, so that nothing a model does to it reaches the
 * one that serves. It keeps no clock: on Cloudflare none advances during computation, so its caller measures.
 */
import { WorkerEntrypoint } from 'cloudflare:workers';
import type { Tensor, TensorSpec, TrialFailure } from '@lepton-edge/protocol';
import { isTrap, type Ort, type Snapshot, startOrt } from '../edge/ort.ts';
import { fromOrt, specOf, toOrt } from '../edge/ort-tensor.ts';

interface TrialEnv {
  BLOBS: R2Bucket;
}

/** A model's one file. */
export interface TrialModel {
  digest: string;
  objectKey: string;
}

/** What crosses the service binding: errors would lose their class there. */
export type Trial<T> = ({ ok: true } & T) | { ok: false; failure: TrialFailure };

interface Loaded {
  digest: string;
  session: Awaited<ReturnType<Ort['api']['InferenceSession']['create']>>;
}

/** The runtime, and how it was before the first model. */
let runtime: { ort: Ort; fresh: Snapshot } | undefined;
let loaded: Loaded | undefined;

export default class TrialWorker extends WorkerEntrypoint<TrialEnv> {
  /**
   * Loads a model into a runtime that is as new.
   * @throws Error when the file cannot be read or the runtime does not start: that is no fault of the model's
   */
  async load(model: TrialModel): Promise<Trial<{ inputs: TensorSpec[]; outputs: TensorSpec[] }>> {
    loaded = undefined;
    const answer = await this.#loaded(model);
    if (!answer.ok) return answer;
    const inputs = answer.session.inputMetadata.map(specOf);
    return { ok: true, inputs, outputs: answer.session.outputMetadata.map(specOf) };
  }

  /**
   * Runs a model `times` times on the same inputs and answers the last run's outputs; 0 times does everything else.
   * `wasmBytes` is what the model and its runs have taken of the heap so far.
   * @throws Error as `load`
   */
  async run(
    model: TrialModel,
    inputs: Tensor[],
    outputs: string[],
    times: number,
  ): Promise<Trial<{ outputs: Tensor[]; wasmBytes: number }>> {
    const found = await this.#loaded(model);
    if (!found.ok) return found;
    const { session } = found;
    try {
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, toOrt(input)]));
      let results: Awaited<ReturnType<typeof session.run>> | undefined;
      for (let i = 0; i < times; i++) results = await session.run(feeds, outputs);
      const answer = results ? outputs.map((name) => fromOrt(name, results[name] as never)) : [];
      const wasmBytes = runtime ? runtime.ort.touchedBytes() - runtime.fresh.memory.byteLength : 0;
      return { ok: true, outputs: answer, wasmBytes };
    } catch (error) {
      return failed(error, 'inputs');
    }
  }

  async #loaded({ digest, objectKey }: TrialModel): Promise<Trial<Loaded>> {
    if (loaded?.digest === digest) return { ok: true, ...loaded };
    const object = await this.env.BLOBS.get(objectKey);
    if (!object) throw new Error('the file of this version cannot be read from storage now');
    const bytes = new Uint8Array(await object.arrayBuffer());
    const { ort, fresh } = await started();
    ort.restore(fresh);
    try {
      const session = await ort.api.InferenceSession.create(bytes, {
        executionProviders: ['wasm'],
        logSeverityLevel: 3,
      });
      loaded = { digest, session };
      return { ok: true, ...loaded };
    } catch (error) {
      return failed(error, 'load');
    }
  }
}

async function started() {
  if (runtime) return runtime;
  const ort = await startOrt();
  runtime ??= { ort, fresh: ort.snapshot() };
  return runtime;
}

const OUT_OF_MEMORY = /bad_alloc|out of memory|Failed to allocate|memory access out of bounds|offset is out of bounds/i;

/** A runtime that was brought down, with its memory in whatever state, is made new before anything else is run. */
function failed(error: unknown, ordinary: 'load' | 'inputs'): { ok: false; failure: TrialFailure } {
  const message = error instanceof Error ? error.message : String(error);
  if (OUT_OF_MEMORY.test(message)) {
    loaded = undefined;
    return { ok: false, failure: { kind: 'memory', message } };
  }
  if (isTrap(error)) {
    loaded = undefined;
    return { ok: false, failure: { kind: 'stopped', message } };
  }
  return { ok: false, failure: { kind: ordinary, message } };
}
