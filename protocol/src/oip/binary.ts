/**
 * The binary tensor data extension: a JSON header, then the tensors' little-endian bytes in the order of the header.
 * Source: Triton Inference Server, "Binary Tensor Data Extension"; BYTES elements are framed by a 32-bit length.
 *
 * Headers written here are padded with spaces to a multiple of 8 bytes, so that a receiver can view the data in place.
 */
import { LeptonError } from '../errors.ts';
import { ARRAY_TYPE, type Datatype, elementSize } from '../tensor/datatype.ts';
import { elementCount, shapeText, type Tensor, tensorBytes } from '../tensor/tensor.ts';
import { type InferRequest, type InferResponse, jsonTensor, parseJson, parseRequestHeader } from './json.ts';
import { InferResponseBody } from './schema.ts';

/** The header that gives the length of the JSON part; its presence marks a body as binary. */
export const HEADER_LENGTH = 'inference-header-content-length';

export interface BinaryBody {
  /** Bytes of the JSON part, the value of `Inference-Header-Content-Length`. */
  headerLength: number;
  bytes: Uint8Array<ArrayBuffer>;
}

const encoder = new TextEncoder();
const ALIGNMENT = 8;

/** Encodes a request with every input as binary data, asking for every output as binary data. */
export function encodeBinaryRequest(request: InferRequest): BinaryBody {
  const header = {
    ...(request.id === undefined ? {} : { id: request.id }),
    parameters: { ...request.parameters, binary_data_output: true },
    inputs: request.inputs.map(binaryHeader),
    ...(request.outputs ? { outputs: request.outputs } : {}),
  };
  return assemble(header, request.inputs);
}

/** Encodes an answer with every output as binary data. */
export function encodeBinaryResponse(response: InferResponse): BinaryBody {
  const header = {
    model_name: response.modelName,
    ...(response.modelVersion === undefined ? {} : { model_version: response.modelVersion }),
    ...(response.id === undefined ? {} : { id: response.id }),
    outputs: response.outputs.map(binaryHeader),
  };
  return assemble(header, response.outputs);
}

/**
 * Decodes a request whose JSON part is `headerLength` bytes long. Data is viewed in place where it is aligned.
 * @throws LeptonError `invalid_request`, `invalid_json` or `invalid_tensor`.
 */
export function decodeBinaryRequest(bytes: Uint8Array<ArrayBuffer>, headerLength: number): InferRequest {
  const body = parseRequestHeader(headerOf(bytes, headerLength));
  const reader = new BinaryReader(bytes, headerLength);
  const inputs = body.inputs.map((input) => reader.tensor(input, `input ${JSON.stringify(input.name)}`));
  reader.end();
  return { id: body.id, parameters: body.parameters, inputs, outputs: body.outputs };
}

/** Decodes an answer; see decodeBinaryRequest. */
export function decodeBinaryResponse(bytes: Uint8Array<ArrayBuffer>, headerLength: number): InferResponse {
  const parsed = InferResponseBody.safeParse(parseJson(headerOf(bytes, headerLength)));
  if (!parsed.success) {
    throw new LeptonError('invalid_request', `this is not an inference answer: ${parsed.error.issues[0]?.message}`);
  }
  const reader = new BinaryReader(bytes, headerLength);
  const outputs = parsed.data.outputs.map((output) => reader.tensor(output, `output ${JSON.stringify(output.name)}`));
  reader.end();
  return { modelName: parsed.data.model_name, modelVersion: parsed.data.model_version, id: parsed.data.id, outputs };
}

function headerOf(bytes: Uint8Array<ArrayBuffer>, headerLength: number): Uint8Array {
  if (!Number.isInteger(headerLength) || headerLength < 0 || headerLength > bytes.byteLength) {
    throw new LeptonError(
      'invalid_request',
      `Inference-Header-Content-Length is ${headerLength}, the body is ${bytes.byteLength} bytes`,
    );
  }
  return bytes.subarray(0, headerLength);
}

interface HeaderTensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  parameters?: Record<string, unknown> | undefined;
  data?: unknown;
}

/** Hands out the binary part of a body, tensor by tensor. */
class BinaryReader {
  private offset: number;
  private readonly bytes: Uint8Array<ArrayBuffer>;

  constructor(bytes: Uint8Array<ArrayBuffer>, offset: number) {
    this.bytes = bytes;
    this.offset = offset;
  }

  tensor(header: HeaderTensor, subject: string): Tensor {
    const size = header.parameters?.binary_data_size;
    if (size === undefined) return jsonTensor(header, subject);
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
      throw new LeptonError('invalid_tensor', `${subject}: binary_data_size is ${size}, expected 0 or more bytes`);
    }
    const count = elementCount(header.shape, subject);
    const left = this.bytes.byteLength - this.offset;
    if (size > left) {
      throw new LeptonError('invalid_tensor', `${subject}: binary_data_size is ${size}, ${left} bytes are left`);
    }
    const start = this.offset;
    this.offset += size;
    const { name, datatype, shape } = header;
    const fixed = elementSize(datatype);
    if (datatype === 'BYTES' || fixed === undefined) {
      return { name, datatype, shape, data: this.strings(start, size, count, subject) };
    }
    if (size !== count * fixed) {
      const expected = `${datatype} ${shapeText(shape)} is ${count * fixed} bytes`;
      throw new LeptonError('invalid_tensor', `${subject}: ${expected}, binary_data_size is ${size}`);
    }
    return { name, datatype, shape, data: this.numbers(datatype, start, count) };
  }

  /** @throws LeptonError when bytes are left that no tensor claimed. */
  end(): void {
    const left = this.bytes.byteLength - this.offset;
    if (left > 0) throw new LeptonError('invalid_request', `${left} bytes follow the last tensor`);
  }

  private numbers(datatype: Exclude<Datatype, 'BYTES'>, start: number, count: number) {
    const type = ARRAY_TYPE[datatype];
    const at = this.bytes.byteOffset + start;
    if (at % type.BYTES_PER_ELEMENT === 0) return new type(this.bytes.buffer, at, count);
    return new type(this.bytes.buffer.slice(at, at + count * type.BYTES_PER_ELEMENT));
  }

  private strings(start: number, size: number, count: number, subject: string): Uint8Array[] {
    const view = new DataView(this.bytes.buffer, this.bytes.byteOffset + start, size);
    const elements: Uint8Array[] = [];
    let at = 0;
    while (at < size) {
      const length = at + 4 <= size ? view.getUint32(at, true) : Number.POSITIVE_INFINITY;
      if (at + 4 + length > size) {
        throw new LeptonError('invalid_tensor', `${subject}: element ${elements.length} reaches beyond the data`);
      }
      elements.push(this.bytes.subarray(start + at + 4, start + at + 4 + length));
      at += 4 + length;
    }
    if (elements.length !== count) {
      throw new LeptonError('invalid_tensor', `${subject}: expected ${count} elements, got ${elements.length}`);
    }
    return elements;
  }
}

function binaryHeader(tensor: Tensor) {
  return {
    name: tensor.name,
    datatype: tensor.datatype,
    shape: tensor.shape,
    parameters: { binary_data_size: encodedBytes(tensor) },
  };
}

function encodedBytes(tensor: Tensor): number {
  return tensorBytes(tensor) + (Array.isArray(tensor.data) ? 4 * tensor.data.length : 0);
}

function assemble(header: object, tensors: readonly Tensor[]): BinaryBody {
  const json = encoder.encode(JSON.stringify(header));
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
