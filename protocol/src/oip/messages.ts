/** Inference requests and answers in memory, whatever they look like on the wire. */
import type { Tensor } from '../tensor/tensor.ts';
import type { Parameters, RequestedOutput } from './schema.ts';

export interface InferRequest {
  id?: string | undefined;
  parameters?: Parameters | undefined;
  inputs: Tensor[];
  /** Absent or empty: every output of the model. */
  outputs?: RequestedOutput[] | undefined;
  /** The data of the model's only input, and nothing else: `completeRawInput` makes the tensor of it. */
  raw?: Uint8Array<ArrayBuffer> | undefined;
}

export interface InferResponse {
  modelName: string;
  modelVersion?: string | undefined;
  id?: string | undefined;
  outputs: Tensor[];
}

/** Whether an output was asked for as binary data: what is said of it itself comes before what is said of all. */
export function wantsBinary(request: InferRequest, name: string): boolean {
  const own = request.outputs?.find((output) => output.name === name)?.parameters?.binary_data;
  return (own ?? request.parameters?.binary_data_output) === true;
}
