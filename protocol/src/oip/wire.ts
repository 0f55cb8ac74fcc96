/** An inference between HTTP and memory: which encoding a body has, and which one the caller wants back. */
import { LeptonError } from '../errors.ts';
import { checkOutputs } from '../tensor/signature.ts';
import type { TensorSpec } from '../versions.ts';
import { decodeBinaryRequest, encodeBinaryResponse } from './binary.ts';
import { decodeInferRequest, encodeInferResponse } from './json.ts';
import { type InferRequest, type InferResponse, wantsBinary } from './messages.ts';

/** What an answer's body is, without a content coding. */
export interface EncodedAnswer {
  contentType: string;
  /** The value of `Inference-Header-Content-Length`; undefined: the header is left out. */
  headerLength: number | undefined;
  body: string | Uint8Array<ArrayBuffer>;
}

/**
 * Decodes an inflated body. Without the header it is JSON, whatever its content type; with 0 it is the only input's data.
 * @param headerLength the header `Inference-Header-Content-Length` as it came
 * @throws LeptonError `invalid_request`, `invalid_json` or `invalid_tensor`
 */
export function decodeInferBody(bytes: Uint8Array<ArrayBuffer>, headerLength: string | undefined): InferRequest {
  if (headerLength === undefined) return decodeInferRequest(bytes);
  if (!/^\d{1,15}$/.test(headerLength)) {
    const got = JSON.stringify(headerLength.slice(0, 40));
    throw new LeptonError('invalid_request', `Inference-Header-Content-Length: expected a number of bytes, got ${got}`);
  }
  const length = Number(headerLength);
  if (length > 0) return decodeBinaryRequest(bytes, length);
  return { inputs: [], raw: bytes, parameters: { binary_data_output: true } };
}

/**
 * The names of the outputs to compute, in the order asked for: all of the model's where none are named.
 * @throws LeptonError `invalid_tensor` for one the model does not have, or that cannot be written as it is asked for
 */
export function outputNames(request: InferRequest, specs: readonly TensorSpec[]): string[] {
  const asked = request.outputs?.map((output) => output.name) ?? [];
  checkOutputs(asked, specs);
  const names = asked.length > 0 ? asked : specs.map((spec) => spec.name);
  for (const { name, datatype } of specs) {
    if (datatype !== 'BF16' || !names.includes(name) || wantsBinary(request, name)) continue;
    const sentence = `output ${JSON.stringify(name)} is BF16, which has no JSON form: ask for it with "binary_data": true`;
    throw new LeptonError('invalid_tensor', sentence);
  }
  return names;
}

/**
 * Encodes an answer as the request asks: JSON, binary data, or some outputs so and some so.
 * @throws LeptonError `invalid_tensor` for strings that are not UTF-8 and were not asked for as binary data
 */
export function encodeInferAnswer(request: InferRequest, response: InferResponse): EncodedAnswer {
  if (!response.outputs.some(({ name }) => wantsBinary(request, name))) {
    return { contentType: 'application/json', headerLength: undefined, body: encodeInferResponse(response) };
  }
  const { headerLength, bytes } = encodeBinaryResponse(response, (name) => wantsBinary(request, name));
  return { contentType: 'application/octet-stream', headerLength, body: bytes };
}
