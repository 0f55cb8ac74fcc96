/**
 * The Worker that models are tried in: ONNX Runtime in a heap of its own, so that nothing a model does to it reaches the
 * one that serves. It keeps no clock: on Cloudflare none advances during computation, so its caller measures.
 */
import { WorkerEntrypoint } from 'cloudflare:workers';
import type { Tensor, TensorSpec, TrialFailure } from '@lepton-edge/protocol';
import { type Ort, startOrt } from '../edge/ort.ts';
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

/** The runtime, and its memory as it was before the first model. */
let runtime: { ort: Ort; fresh: Uint8Array } | undefined;
let loaded: Loaded | undefined;

export default class TrialWorker extends WorkerEntrypoint<TrialEnv> {
  /** Loads a model into a runtime that is as new. */
  async load(model: TrialModel): Promise<Trial<{ inputs: TensorSpec[]; outputs: TensorSpec[] }>> {
    loaded = undefined;
    try {
      const { session } = await this.#loaded(model);
      const inputs = session.inputMetadata.map(specOf);
      return { ok: true, inputs, outputs: session.outputMetadata.map(specOf) };
    } catch (error) {
      return failed(error, 'load');
    }
  }

  /**
   * Runs a model `times` times on the same inputs and answers the last run's outputs; 0 times does everything else.
   * `wasmBytes` is what the model and its runs have taken of the heap so far.
   */
  async run(
    model: TrialModel,
    inputs: Tensor[],
    outputs: string[],
    times: number,
  ): Promise<Trial<{ outputs: Tensor[]; wasmBytes: number }>> {
    try {
      const { session } = await this.#loaded(model);
      const feeds = Object.fromEntries(inputs.map((input) => [input.name, toOrt(input)]));
      let results: Awaited<ReturnType<typeof session.run>> | undefined;
      for (let i = 0; i < times; i++) results = await session.run(feeds, outputs);
      const answer = results ? outputs.map((name) => fromOrt(name, results[name] as never)) : [];
      const wasmBytes = runtime ? runtime.ort.touchedBytes() - runtime.fresh.byteLength : 0;
      return { ok: true, outputs: answer, wasmBytes };
    } catch (error) {
      return failed(error, 'inputs');
    }
  }

  async #loaded({ digest, objectKey }: TrialModel): Promise<Loaded> {
    if (loaded?.digest === digest) return loaded;
    const object = await this.env.BLOBS.get(objectKey);
    if (!object) throw new Error('the file of this version cannot be read from storage now');
    const bytes = new Uint8Array(await object.arrayBuffer());
    const { ort, fresh } = await started();
    ort.restore(fresh);
    const session = await ort.api.InferenceSession.create(bytes, { executionProviders: ['wasm'], logSeverityLevel: 3 });
    loaded = { digest, session };
    return loaded;
  }
}

async function started() {
  if (runtime) return runtime;
  const ort = await startOrt();
  runtime ??= { ort, fresh: ort.snapshot() };
  return runtime;
}

/** A runtime that was brought down is made new with the next model. */
function failed(error: unknown, ordinary: 'load' | 'inputs'): { ok: false; failure: TrialFailure } {
  const message = error instanceof Error ? error.message : String(error);
  if (/bad_alloc|out of memory|Failed to allocate|memory access out of bounds/i.test(message)) {
    loaded = undefined;
    return { ok: false, failure: { kind: 'memory', message } };
  }
  if (error instanceof WebAssembly.RuntimeError || message.includes('Aborted(')) {
    loaded = undefined;
    return { ok: false, failure: { kind: 'stopped', message } };
  }
  return { ok: false, failure: { kind: ordinary, message } };
}
