/**
 * The JSON encoding of inference requests and answers.
 * Source: Open Inference Protocol v2, "Inference Request/Response JSON Object".
 *
 * Tensor data may come nested or flat, row-major. 64-bit integers are exact in both directions. What JSON cannot write is
 * the string "NaN", "Infinity" or "-Infinity". BF16 has no JSON form (nor has it in the protocol).
 */
import { type FieldError, LeptonError } from '../errors.ts';
import {
  ARRAY_TYPE,
  BIG_RANGE,
  type Datatype,
  type FixedDatatype,
  INTEGER_RANGE,
  type NumericArray,
} from '../tensor/datatype.ts';
import { fromHalf, toHalf } from '../tensor/half.ts';
import { elementCount, shapeText, type Tensor } from '../tensor/tensor.ts';
import { InferRequestBody, InferResponseBody, type Parameters, type RequestedOutput } from './schema.ts';

export interface InferRequest {
  id?: string | undefined;
  parameters?: Parameters | undefined;
  inputs: Tensor[];
  /** Absent: every output of the model. */
  outputs?: RequestedOutput[] | undefined;
}

export interface InferResponse {
  modelName: string;
  modelVersion?: string | undefined;
  id?: string | undefined;
  outputs: Tensor[];
}

const utf8Encoder = new TextEncoder();
const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/**
 * Parses JSON from outside; integers beyond 2^53 come as bigint.
 * @throws LeptonError `invalid_json`
 */
export function parseJson(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = utf8Decoder.decode(bytes);
  } catch (cause) {
    throw new LeptonError('invalid_json', 'expected a JSON body in UTF-8, got bytes that are not UTF-8', { cause });
  }
  if (text.trim() === '') throw new LeptonError('invalid_json', 'expected a JSON body, got none');
  try {
    // The reviver is slow, so it is used only where a number long enough to need it may stand.
    return /\d{16}/.test(text) ? JSON.parse(text, keepBigIntegers) : JSON.parse(text);
  } catch (cause) {
    const detail = cause instanceof SyntaxError ? `: ${cause.message}` : '';
    throw new LeptonError('invalid_json', `the body is not valid JSON${detail}`, { cause });
  }
}

function keepBigIntegers(_key: string, value: unknown, context?: { source?: string }): unknown {
  if (typeof value !== 'number' || Number.isSafeInteger(value)) return value;
  const source = context?.source;
  // Longer ones fit no datatype, and converting them takes time that grows with their square.
  return source !== undefined && /^-?\d{1,20}$/.test(source) ? BigInt(source) : value;
}

/**
 * Decodes a JSON inference request.
 * @throws LeptonError `invalid_json`, `invalid_request` (with the fields at fault) or `invalid_tensor`.
 */
export function decodeInferRequest(bytes: Uint8Array): InferRequest {
  const body = parseRequestHeader(bytes);
  return {
    id: body.id,
    parameters: body.parameters,
    inputs: body.inputs.map((input) => jsonTensor(input, `input ${JSON.stringify(input.name)}`)),
    outputs: body.outputs,
  };
}

/** The request's JSON part, checked but with its tensor data still as it came. */
export function parseRequestHeader(bytes: Uint8Array) {
  const parsed = InferRequestBody.safeParse(parseJson(bytes));
  if (parsed.success) return parsed.data;
  const errors: FieldError[] = parsed.error.issues.map((issue) => ({
    path: issue.path.join('.'),
    message: issue.message,
  }));
  const sentence = errors.map((e) => (e.path ? `${e.path}: ${e.message}` : e.message)).join('; ');
  throw new LeptonError('invalid_request', `this is not an inference request: ${sentence}`, { errors });
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
  const parts = [`"model_name":${JSON.stringify(response.modelName)}`];
  if (response.modelVersion !== undefined) parts.push(`"model_version":${JSON.stringify(response.modelVersion)}`);
  if (response.id !== undefined) parts.push(`"id":${JSON.stringify(response.id)}`);
  parts.push(`"outputs":${encodeTensors(response.outputs)}`);
  return `{${parts.join(',')}}`;
}

/** Decodes an answer. @throws LeptonError as decodeInferRequest. */
export function decodeInferResponse(bytes: Uint8Array): InferResponse {
  const parsed = InferResponseBody.safeParse(parseJson(bytes));
  if (!parsed.success) {
    throw new LeptonError('invalid_request', `this is not an inference answer: ${parsed.error.issues[0]?.message}`);
  }
  const body = parsed.data;
  return {
    modelName: body.model_name,
    modelVersion: body.model_version,
    id: body.id,
    outputs: body.outputs.map((output) => jsonTensor(output, `output ${JSON.stringify(output.name)}`)),
  };
}

interface JsonTensor {
  name: string;
  datatype: Datatype;
  shape: number[];
  data?: unknown;
}

/** One tensor from its JSON form; `subject` begins the sentence of every error. */
export function jsonTensor(json: JsonTensor, subject: string): Tensor {
  const { name, datatype, shape } = json;
  const count = elementCount(shape, subject);
  if (datatype === 'BF16') {
    throw new LeptonError('invalid_tensor', `${subject}: BF16 has no JSON form, send it as binary data`);
  }
  if (!Array.isArray(json.data)) {
    const got = json.data === undefined ? 'no data' : typeof json.data;
    throw new LeptonError('invalid_tensor', `${subject}: expected data as an array of ${count} elements, got ${got}`);
  }
  const elements = flatten(json.data, shape, count, subject);
  return { name, datatype, shape, data: decodeElements(datatype, elements, subject) };
}

/** The elements of nested or flat data in row-major order. */
function flatten(data: unknown[], shape: readonly number[], count: number, subject: string): unknown[] {
  const nested = shape.length > 1 && Array.isArray(data[0]);
  const elements = nested ? flattenNested(data, shape, subject) : data;
  if (elements.length !== count) {
    throw new LeptonError(
      'invalid_tensor',
      `${subject}: shape ${shapeText(shape)} needs ${count} elements, got ${elements.length}`,
    );
  }
  return elements;
}

function flattenNested(data: unknown[], shape: readonly number[], subject: string): unknown[] {
  let level: unknown[] = data;
  for (let axis = 0; axis < shape.length - 1; axis++) {
    const size = shape[axis + 1] as number;
    const next: unknown[] = [];
    for (const row of level) {
      if (!Array.isArray(row) || row.length !== size) {
        const got = Array.isArray(row) ? row.length : typeof row;
        throw new LeptonError(
          'invalid_tensor',
          `${subject}: expected rows of ${size} along axis ${axis + 1} of ${shapeText(shape)}, got ${got}`,
        );
      }
      for (const element of row) next.push(element);
    }
    level = next;
  }
  return level;
}

function decodeElements(datatype: Datatype, elements: unknown[], subject: string): NumericArray | Uint8Array[] {
  if (datatype === 'BYTES') return decodeStrings(elements, subject);
  const target = new ARRAY_TYPE[datatype](elements.length);
  const decode = elementDecoder(datatype);
  for (let i = 0; i < elements.length; i++) {
    const value = decode(elements[i]);
    if (value === undefined) {
      throw new LeptonError(
        'invalid_tensor',
        `${subject}: element ${i} is ${describe(elements[i])}, expected ${datatype}${rangeText(datatype)}`,
      );
    }
    target[i] = value as never;
  }
  return target;
}

/** How one JSON value becomes an element; undefined where it is none. */
function elementDecoder(datatype: FixedDatatype): (value: unknown) => number | bigint | undefined {
  const big = BIG_RANGE[datatype];
  if (big) {
    return (value) => {
      const integer =
        typeof value === 'bigint' ? value : Number.isSafeInteger(value) ? BigInt(value as number) : undefined;
      return integer !== undefined && integer >= big[0] && integer <= big[1] ? integer : undefined;
    };
  }
  const range = INTEGER_RANGE[datatype];
  if (range) {
    return (value) =>
      Number.isInteger(value) && (value as number) >= range[0] && (value as number) <= range[1]
        ? (value as number)
        : undefined;
  }
  if (datatype === 'BOOL') return decodeBoolean;
  if (datatype === 'FP16') {
    return (value) => {
      const number = decodeFloat(value);
      return number === undefined ? undefined : toHalf(number);
    };
  }
  return decodeFloat;
}

function decodeBoolean(value: unknown): number | undefined {
  if (value === true || value === 1) return 1;
  return value === false || value === 0 ? 0 : undefined;
}

function decodeFloat(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  if (typeof value === 'bigint') return Number(value);
  return value === 'NaN' || value === 'Infinity' || value === '-Infinity' ? Number(value) : undefined;
}

function decodeStrings(elements: unknown[], subject: string): Uint8Array[] {
  return elements.map((value, i) => {
    if (typeof value !== 'string') {
      throw new LeptonError('invalid_tensor', `${subject}: element ${i} is ${describe(value)}, expected a string`);
    }
    return utf8Encoder.encode(value);
  });
}

function describe(value: unknown): string {
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'bigint') return value.toString();
  if (typeof value === 'object' && value !== null) return 'an object';
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40);
}

function rangeText(datatype: Datatype): string {
  const range = INTEGER_RANGE[datatype] ?? BIG_RANGE[datatype];
  return range ? ` (an integer from ${range[0]} to ${range[1]})` : '';
}

/** Tensors as a JSON array. */
export function encodeTensors(tensors: readonly Tensor[]): string {
  return `[${tensors.map(encodeTensor).join(',')}]`;
}

function encodeTensor(tensor: Tensor): string {
  const head = `{"name":${JSON.stringify(tensor.name)},"datatype":"${tensor.datatype}","shape":${shapeText(tensor.shape)}`;
  return `${head},"data":[${encodeElements(tensor)}]}`;
}

function encodeElements(tensor: Tensor): string {
  const { data, datatype } = tensor;
  if (Array.isArray(data)) return data.map((bytes) => encodeString(bytes, tensor.name)).join(',');
  if (datatype === 'BF16') {
    throw new LeptonError('invalid_tensor', `"${tensor.name}": BF16 has no JSON form, ask for binary data`);
  }
  if (datatype === 'BOOL') return Array.from(data as Uint8Array, (value) => (value ? 'true' : 'false')).join(',');
  if (datatype === 'FP16') return Array.from(data as Uint16Array, (bits) => encodeFloat(fromHalf(bits))).join(',');
  if (datatype !== 'FP32' && datatype !== 'FP64') return data.join(',');
  const text = (data as Float32Array).join(',');
  return /[NI]/.test(text) ? Array.from(data as Float32Array, encodeFloat).join(',') : text;
}

function encodeFloat(value: number): string {
  return Number.isFinite(value) ? String(value) : `"${value}"`;
}

function encodeString(bytes: Uint8Array, name: string): string {
  try {
    return JSON.stringify(utf8Decoder.decode(bytes));
  } catch (cause) {
    throw new LeptonError('invalid_tensor', `"${name}" holds bytes that are not UTF-8: ask for binary data`, { cause });
  }
}
