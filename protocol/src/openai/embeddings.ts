/**
 * `POST /v1/embeddings`: the request, checked by hand where it may hold millions of numbers, and the answer.
 * Source: OpenAI API reference, "Create embeddings"; base64 is of little-endian float32.
 */
import { z } from 'zod';
import { LeptonError } from '../errors.ts';
import { parseJsonRounded } from '../oip/parse-json.ts';

/** At most so many inputs a request, as OpenAI has it. */
export const MAX_EMBEDDING_INPUTS = 2048;
const MAX_TOKEN_ID = 2 ** 31 - 1;

export const EncodingFormat = z.enum(['float', 'base64']);
export type EncodingFormat = z.infer<typeof EncodingFormat>;

const Text = z.string().min(1);
const Tokens = z.array(z.int().min(0).max(MAX_TOKEN_ID)).min(1);

/** Fields that are not named here are accepted and have no effect: clients of other servers send some. */
export const EmbeddingRequestBody = z.object({
  model: z.string().min(1).max(256),
  input: z.union([
    Text,
    z.array(Text).min(1).max(MAX_EMBEDDING_INPUTS),
    Tokens,
    z.array(Tokens).min(1).max(MAX_EMBEDDING_INPUTS),
  ]),
  encoding_format: EncodingFormat.optional(),
  dimensions: z.int().min(1).max(65_536).optional(),
  user: z.string().max(1024).optional(),
});

/** A text, or the model's own tokens. */
export type EmbeddingInput = string | number[];

export interface EmbeddingRequest {
  model: string;
  inputs: EmbeddingInput[];
  encodingFormat: EncodingFormat;
  dimensions: number | undefined;
}

const Envelope = EmbeddingRequestBody.omit({ input: true }).extend({ input: z.unknown() });

/**
 * Reads a request; a request without an input is one for nothing, so it is refused.
 * @throws LeptonError `invalid_json`, or `invalid_request` with the field at fault
 */
export function decodeEmbeddingRequest(bytes: Uint8Array): EmbeddingRequest {
  const parsed = Envelope.safeParse(parseJsonRounded(bytes));
  if (!parsed.success) {
    const errors = parsed.error.issues.map(({ path, message }) => ({ path: path.join('.'), message }));
    const sentence = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message)).join('; ');
    throw new LeptonError('invalid_request', `this is not a request for embeddings: ${sentence}`, { errors });
  }
  const { model, input, encoding_format, dimensions } = parsed.data;
  return { model, inputs: readInput(input), encodingFormat: encoding_format ?? 'float', dimensions };
}

function readInput(input: unknown): EmbeddingInput[] {
  if (typeof input === 'string') return [readText(input, 'input')];
  if (!Array.isArray(input)) throw refused('input', 'a string, an array of strings, or arrays of tokens', input);
  if (input.length === 0) throw refused('input', 'at least one input', input);
  if (typeof input[0] === 'number') return [readTokens(input, 'input')];
  if (input.length > MAX_EMBEDDING_INPUTS) {
    const message = `expected at most ${MAX_EMBEDDING_INPUTS} inputs, got ${input.length}: send them in several requests`;
    throw new LeptonError('invalid_request', message, { errors: [{ path: 'input', message }] });
  }
  return input.map((item: unknown, i) =>
    Array.isArray(item) ? readTokens(item, `input.${i}`) : readText(item, `input.${i}`),
  );
}

function readText(value: unknown, path: string): string {
  if (typeof value === 'string' && value !== '') return value;
  throw refused(path, 'a string that is not empty', value);
}

function readTokens(values: unknown[], path: string): number[] {
  if (values.length === 0) throw refused(path, 'at least one token', values);
  for (const value of values) {
    if (!Number.isInteger(value) || (value as number) < 0 || (value as number) > MAX_TOKEN_ID) {
      throw refused(path, 'tokens as whole numbers from 0', value);
    }
  }
  return values as number[];
}

function refused(path: string, expected: string, got: unknown): LeptonError {
  const message = `${path}: expected ${expected}, got ${described(got)}`;
  return new LeptonError('invalid_request', message, { errors: [{ path, message }] });
}

function described(value: unknown): string {
  if (Array.isArray(value)) return `an array of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  return (JSON.stringify(value) ?? 'nothing').slice(0, 40);
}

export const EmbeddingResponseBody = z.object({
  object: z.literal('list'),
  data: z.array(
    z.object({
      object: z.literal('embedding'),
      index: z.int(),
      embedding: z.union([z.array(z.number()), z.string()]),
      /** Of this input: what a gpu-node says, and OpenAI does not. */
      tokens: z.int().optional(),
    }),
  ),
  model: z.string(),
  usage: z.object({ prompt_tokens: z.int(), total_tokens: z.int() }),
});

export interface EmbeddingResponse {
  /** What ran: `name@3`. */
  model: string;
  /** One for each input, in order. */
  embeddings: readonly Float32Array[];
  /** Of all inputs together, or of each, which is then told, too. */
  tokens: number | readonly number[];
}

/** The answer as JSON text. */
export function encodeEmbeddingResponse(response: EmbeddingResponse, format: EncodingFormat): string {
  const { model, embeddings, tokens } = response;
  const data = embeddings.map((embedding, index) => {
    const value = format === 'base64' ? `"${base64(embedding)}"` : floatsText(embedding);
    const own = typeof tokens === 'number' ? '' : `,"tokens":${tokens[index]}`;
    return `{"object":"embedding","index":${index},"embedding":${value}${own}}`;
  });
  const sum = typeof tokens === 'number' ? tokens : tokens.reduce((total, each) => total + each, 0);
  const usage = `{"prompt_tokens":${sum},"total_tokens":${sum}}`;
  return `{"object":"list","data":[${data.join(',')}],"model":${JSON.stringify(model)},"usage":${usage}}`;
}

function floatsText(embedding: Float32Array): string {
  // JSON has no form for what is not finite, and the package reads null as such.
  return `[${Array.from(embedding, (value) => (Number.isFinite(value) ? String(value) : 'null')).join(',')}]`;
}

/** In pieces: a call takes only so many arguments. */
const PIECE_BYTES = 0x2000;

function base64(embedding: Float32Array): string {
  // Every machine we run on is little-endian, as the format is.
  const bytes = new Uint8Array(embedding.buffer, embedding.byteOffset, embedding.byteLength);
  let text = '';
  for (let at = 0; at < bytes.byteLength; at += PIECE_BYTES) {
    text += String.fromCharCode(...bytes.subarray(at, at + PIECE_BYTES));
  }
  return btoa(text);
}
