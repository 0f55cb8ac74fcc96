/**
 * The JSON encoding of inference requests and answers.
 * Source: Open Inference Protocol v2, "Inference Request/Response JSON Object".
 */
import { type FieldError, LeptonError } from '../errors.ts';
import { elementCount } from '../tensor/tensor.ts';
import { jsonTensor, RoundedInteger } from './json-tensor.ts';
import { encodeTensor, encodeTensors } from './json-text.ts';
import type { InferRequest, InferResponse } from './messages.ts';
import { checkParameters } from './parameters.ts';
import { parseJsonMarked, parseJsonRounded } from './parse-json.ts';
import { InferRequestBody, InferResponseBody } from './schema.ts';

/** Every string takes some 200 bytes beside its own. */
const MAX_STRINGS = 2 ** 18;

/**
 * Decodes a JSON inference request.
 * @throws LeptonError `invalid_json`, `invalid_request` (with the fields at fault) or `invalid_tensor`.
 */
export function decodeInferRequest(bytes: Uint8Array): InferRequest {
  return parseTensors(bytes, decodeRequestJson);
}

/**
 * Parses JSON with tensors; where it shows that 64-bit integers were rounded, they are parsed again as they are.
 * @param decode checks what it is given, and may be called twice
 */
export function parseTensors<T>(bytes: Uint8Array, decode: (json: unknown) => T): T {
  const json = parseJsonRounded(bytes);
  try {
    return decode(json);
  } catch (error) {
    if (!(error instanceof RoundedInteger)) throw error;
    takeLongIntegers(json as Tensors, parseJsonMarked(bytes) as Tensors);
    return decode(json);
  }
}

type Tensors = Partial<Record<'inputs' | 'outputs', { datatype?: unknown; data?: unknown }[]>>;

/** Both are of one text, which was checked up to its data. */
function takeLongIntegers(json: Tensors, marked: Tensors): void {
  for (const list of ['inputs', 'outputs'] as const) {
    json[list]?.forEach((tensor, i) => {
      if (tensor.datatype === 'INT64' || tensor.datatype === 'UINT64') tensor.data = marked[list]?.[i]?.data;
    });
  }
}

function decodeRequestJson(json: unknown): InferRequest {
  const { id, parameters, inputs, outputs } = checkRequest(json);
  const decoded = inputs.map((input) => {
    const subject = `input ${JSON.stringify(input.name)}`;
    if (input.parameters?.binary_data_size === undefined) return jsonTensor(input, subject);
    throw new LeptonError(
      'invalid_request',
      `${subject} has binary_data_size, but the request no Inference-Header-Content-Length: send the length of its JSON ` +
        'part, in bytes',
    );
  });
  return { id, parameters, inputs: decoded, outputs };
}

/** The request's JSON part, checked but with its tensor data still as it came. */
export function checkRequest(json: unknown): InferRequestBody {
  const parsed = InferRequestBody.safeParse(json);
  if (!parsed.success) {
    const errors: FieldError[] = parsed.error.issues.map((issue) => ({
      path: issue.path.join('.'),
      message: issue.message,
    }));
    const sentence = errors.map((e) => (e.path ? `${e.path}: ${e.message}` : e.message)).join('; ');
    throw new LeptonError('invalid_request', `this is not an inference request: ${sentence}`, { errors });
  }
  checkParameters(parsed.data);
  checkStringCount(parsed.data);
  return parsed.data;
}

function checkStringCount({ inputs }: InferRequestBody): void {
  let count = 0;
  for (const { name, datatype, shape } of inputs) {
    if (datatype === 'BYTES') count += elementCount(shape, `input ${JSON.stringify(name)}`);
  }
  if (count <= MAX_STRINGS) return;
  throw new LeptonError('invalid_tensor', `expected at most ${MAX_STRINGS} BYTES elements in a request, got ${count}`);
}

/** Encodes a request as JSON text. @throws LeptonError `invalid_tensor` for data JSON cannot hold. */
export function encodeInferRequest(request: InferRequest): string {
  const parts: string[] = [];
  if (request.id !== undefined) parts.push(`"id":${JSON.stringify(request.id)}`);
  if (request.parameters) parts.push(`"parameters":${JSON.stringify(request.parameters)}`);
  parts.push(`"inputs":${encodeTensors(request.inputs)}`);
  if (request.outputs) parts.push(`"outputs":${JSON.stringify(request.outputs)}`);
  return `{${parts.join(',')}}`;
}

/** Encodes an answer as JSON text. @throws LeptonError `invalid_tensor` for data JSON cannot hold. */
export function encodeInferResponse(response: InferResponse): string {
  return responseText(response, response.outputs.map(encodeTensor));
}

/** @param outputs each as JSON text */
export function responseText(response: InferResponse, outputs: readonly string[]): string {
  const parts = [`"model_name":${JSON.stringify(response.modelName)}`];
  if (response.modelVersion !== undefined) parts.push(`"model_version":${JSON.stringify(response.modelVersion)}`);
  if (response.id !== undefined) parts.push(`"id":${JSON.stringify(response.id)}`);
  parts.push(`"outputs":[${outputs.join(',')}]`);
  return `{${parts.join(',')}}`;
}

/** Decodes an answer. @throws LeptonError as decodeInferRequest. */
export function decodeInferResponse(bytes: Uint8Array): InferResponse {
  return parseTensors(bytes, decodeResponseJson);
}

function decodeResponseJson(json: unknown): InferResponse {
  const body = checkResponse(json);
  return {
    modelName: body.model_name,
    modelVersion: body.model_version,
    id: body.id,
    outputs: body.outputs.map((output) => jsonTensor(output, `output ${JSON.stringify(output.name)}`)),
  };
}

/** The answer's JSON part, checked but with its tensor data still as it came. */
export function checkResponse(json: unknown): InferResponseBody {
  const parsed = InferResponseBody.safeParse(json);
  if (parsed.success) return parsed.data;
  throw new LeptonError('invalid_request', `this is not an inference answer: ${parsed.error.issues[0]?.message}`);
}
