/** What an example is: a real model made from npm packages, and a client that uses it as an application would. */
import type { InferOptions, InferResult, LeptonClient } from '@lepton-edge/client';
import type { CreateModelInput, ManifestInput } from '@lepton-edge/protocol';

export type Inferer = Pick<LeptonClient, 'infer'>;

export interface RunOptions {
  /** What to run; by default the example's model. */
  ref?: string;
  place?: 'edge' | 'node';
}

export interface ExampleRun {
  /** A sentence that a person understands. */
  answer: string;
  /** The last inference's result: where it ran, how long it took. */
  last: InferResult;
  /** How many inferences it took. */
  calls: number;
}

export interface Example {
  name: string;
  model: CreateModelInput;
  manifest: ManifestInput;
  /** Makes the ONNX file's bytes, always the same. */
  build(): Promise<Uint8Array<ArrayBuffer>>;
  /** Makes the files beside it, by their paths in the version, always the same. With them the ONNX file is `model.onnx`. */
  files?: Record<string, () => Promise<Uint8Array<ArrayBuffer>>>;
  /** Runs the client on the example's sample input. */
  run(gateway: Inferer, options?: RunOptions): Promise<ExampleRun>;
}

/** The options of an inference, from those of an example's run. */
export function inferOptions({ place }: RunOptions = {}): InferOptions {
  return place === undefined ? {} : { place };
}
