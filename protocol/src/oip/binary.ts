/**
 * The binary tensor data extension: a JSON header, then the tensors' little-endian bytes in the order of the header.
 * Source: Triton Inference Server, "Binary Tensor Data Extension"; BYTES elements are framed by a 32-bit length.
 *
 * Headers written here are padded with spaces to a multiple of 8 bytes, so that a receiver can view the data in place.
 */
import { LeptonError } from '../errors.ts';
import { type Tensor, tensorBytes } from '../tensor/tensor.ts';
import { BinaryReader, type HeaderTensor } from './binary-reader.ts';
import { checkRequest, checkResponse, parseTensors, responseText } from './json.ts';
import { encodeTensor, headText } from './json-text.ts';
import { KnownHeaders } from './known-headers.ts';
import type { InferRequest, InferResponse } from './messages.ts';
import type { InferRequestBody, InferResponseBody } from './schema.ts';

/** The header that gives the length of the JSON part; its presence marks a body as binary. */
export const HEADER_LENGTH = 'inference-header-content-length';

export interface BinaryBody {
  /** Bytes of the JSON part, the value of `Inference-Header-Content-Length`. */
  headerLength: number;
  bytes: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();
const ALIGNMENT = 8;
const knownRequests = new KnownHeaders<InferRequestBody>();
const knownResponses = new KnownHeaders<InferResponseBody>();

/** Encodes a request with every input as binary data, asking for every output as binary data. */
export function encodeBinaryRequest(request: InferRequest): BinaryBody {
  const parts: string[] = [];
  if (request.id !== undefined) parts.push(`"id":${JSON.stringify(request.id)}`);
  parts.push(`"parameters":${JSON.stringify({ ...request.parameters, binary_data_output: true })}`);
  parts.push(`"inputs":[${request.inputs.map(binaryHeader).join(',')}]`);
  if (request.outputs) parts.push(`"outputs":${JSON.stringify(request.outputs)}`);
  return assemble(`{${parts.join(',')}}`, request.inputs);
}

/**
 * Encodes an answer with outputs as binary data.
 * @param isBinary tells of an output's name whether it is; the others go into the JSON part
 */
export function encodeBinaryResponse(
  response: InferResponse,
  isBinary: (name: string) => boolean = () => true,
): BinaryBody {
  const { outputs } = response;
  const texts = outputs.map((output) => (isBinary(output.name) ? binaryHeader(output) : encodeTensor(output)));
  return assemble(
    responseText(response, texts),
    outputs.filter((output) => isBinary(output.name)),
  );
}

/**
 * Decodes a request whose JSON part is `headerLength` bytes long. Data is viewed in place where it is aligned.
 * @throws LeptonError `invalid_request`, `invalid_json` or `invalid_tensor`.
 */
export function decodeBinaryRequest(bytes: Uint8Array<ArrayBuffer>, headerLength: number): InferRequest {
  const header = headerOf(bytes, headerLength);
  const decode = ({ id, parameters, inputs, outputs }: InferRequestBody): InferRequest => {
    return { id, parameters, inputs: readTensors(bytes, headerLength, inputs, 'input'), outputs };
  };
  const known = knownRequests.get(header);
  if (known) return decode(known);
  return parseTensors(header, (json) => {
    const body = checkRequest(json);
    knownRequests.keep(header, body, body.inputs);
    return decode(body);
  });
}

/** Decodes an answer; see decodeBinaryRequest. */
export function decodeBinaryResponse(bytes: Uint8Array<ArrayBuffer>, headerLength: number): InferResponse {
  const header = headerOf(bytes, headerLength);
  const decode = ({ model_name, model_version, id, outputs }: InferResponseBody): InferResponse => {
    const tensors = readTensors(bytes, headerLength, outputs, 'output');
    return { modelName: model_name, modelVersion: model_version, id, outputs: tensors };
  };
  const known = knownResponses.get(header);
  if (known) return decode(known);
  return parseTensors(header, (json) => {
    const body = checkResponse(json);
    knownResponses.keep(header, body, body.outputs);
    return decode(body);
  });
}

/** The tensors a header tells of, from behind it; what is known of the header stays as it is. */
function readTensors(
  bytes: Uint8Array<ArrayBuffer>,
  headerLength: number,
  headers: readonly HeaderTensor[],
  kind: 'input' | 'output',
): Tensor[] {
  const reader = new BinaryReader(bytes, headerLength);
  const tensors = headers.map((header) => {
    return reader.tensor({ ...header, shape: [...header.shape] }, `${kind} ${JSON.stringify(header.name)}`);
  });
  reader.end();
  return tensors;
}

function headerOf(bytes: Uint8Array<ArrayBuffer>, headerLength: number): Uint8Array {
  if (Number.isInteger(headerLength) && headerLength >= 0 && headerLength <= bytes.byteLength) {
    return bytes.subarray(0, headerLength);
  }
  throw new LeptonError(
    'invalid_request',
    `Inference-Header-Content-Length is ${headerLength}, the body is ${bytes.byteLength} bytes`,
  );
}

function binaryHeader(tensor: Tensor): string {
  return `{${headText(tensor)},"parameters":{"binary_data_size":${encodedBytes(tensor)}}}`;
}

function encodedBytes(tensor: Tensor): number {
  return tensorBytes(tensor) + (Array.isArray(tensor.data) ? 4 * tensor.data.length : 0);
}

function assemble(header: string, tensors: readonly Tensor[]): BinaryBody {
  const json = encoder.encode(header);
  const headerLength = Math.ceil(json.byteLength / ALIGNMENT) * ALIGNMENT;
  const size = tensors.reduce((sum, tensor) => sum + encodedBytes(tensor), headerLength);
  const bytes = new Uint8Array(size);
  bytes.set(json);
  bytes.fill(0x20, json.byteLength, headerLength);
  let at = headerLength;
  for (const { data } of tensors) {
    if (!Array.isArray(data)) {
      bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
      at += data.byteLength;
      continue;
    }
    const view = new DataView(bytes.buffer);
    for (const element of data) {
      view.setUint32(at, element.byteLength, true);
      bytes.set(element, at + 4);
      at += 4 + element.byteLength;
    }
  }
  return { headerLength, bytes };
}
