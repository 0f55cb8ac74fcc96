/** What many checks of the table have in common. */
import assert from 'node:assert/strict';
import { ROWS, SHAPES } from './models.ts';
import type { Answer, SendOptions, Server } from './row.ts';

export interface JsonTensor {
  name: string;
  datatype: string;
  shape: number[];
  data?: unknown;
  parameters?: object;
}

export const x = (data: unknown = [1, 2], more: object = {}): JsonTensor => ({
  name: 'x',
  datatype: 'FP32',
  shape: [1, 2],
  data,
  ...more,
});

export const infer = (server: Server, model: string, body: unknown, headers: Record<string, string> = {}) =>
  server.send('POST', `/v2/models/${model}/infer`, { body, headers });

/** To version 1 of the model of rows, whose output is its input. */
export const inferRows = (server: Server, body: unknown, headers: Record<string, string> = {}) =>
  infer(server, `${ROWS}/versions/1`, body, headers);

/** All inputs of the model of shapes; what is given replaces one. */
export const shapes = (...changed: JsonTensor[]): JsonTensor[] =>
  [
    { name: 'matrix', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] },
    { name: 'scalar', datatype: 'INT64', shape: [], data: [7] },
    { name: 'texts', datatype: 'BYTES', shape: [2, 1], data: ['a', 'b'] },
  ].map((input) => changed.find(({ name }) => name === input.name) ?? input);

export async function inferShapes(server: Server, body: object): Promise<Answer> {
  return await infer(server, SHAPES, { inputs: shapes(), ...body });
}

export function assertOk(answer: Answer): void {
  assert.equal(answer.status, 200, answer.text.slice(0, 500));
}

/** Triton's clients take anything but 200 for a failure, whose body they read as JSON. */
export function assertFailure(answer: Answer, status?: number, part = ''): void {
  const where = `status ${answer.status}: ${answer.text.slice(0, 500)}`;
  if (status === undefined) assert.ok(answer.status >= 400 && answer.status < 500, where);
  else assert.equal(answer.status, status, where);
  assert.match(String(answer.headers['content-type']), /^application\/json/);
  assert.equal(typeof answer.json?.error, 'string', where);
  assert.ok(answer.json.error.includes(part), where);
}

export async function assertRefused(
  server: Server,
  method: string,
  path: string,
  options?: SendOptions,
  status?: number,
  part?: string,
): Promise<void> {
  assertFailure(await server.send(method, path, options), status, part);
}

/** The JSON part and what stands behind it. */
export function splitBinary(answer: Answer): { json: { outputs: JsonTensor[]; id?: string }; data: Buffer } {
  const length = Number(answer.headers['inference-header-content-length']);
  assert.ok(length > 0 && length <= answer.bytes.byteLength, `header length ${length}`);
  const json = JSON.parse(answer.bytes.subarray(0, length).toString());
  return { json, data: answer.bytes.subarray(length) };
}

/** A request with a JSON part and data behind it. */
export function withBinary(json: object, ...data: Uint8Array[]): { body: Buffer; headers: Record<string, string> } {
  const head = Buffer.from(JSON.stringify(json));
  const headers = {
    'content-type': 'application/octet-stream',
    'inference-header-content-length': String(head.byteLength),
  };
  return { body: Buffer.concat([head, ...data]), headers };
}

export const bytesOf = (view: ArrayBufferView) => Buffer.from(view.buffer, view.byteOffset, view.byteLength);
