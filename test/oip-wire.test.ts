/** The Open Inference Protocol as bytes on a socket: compression, binary data mixed with JSON, requests without a JSON part. */
import { request as httpRequest } from 'node:http';
import { deflateRawSync, deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import {
  decodeBinaryResponse,
  encodeBinaryRequest,
  encodeInferRequest,
  HEADER_LENGTH,
  type Tensor,
} from '@lepton-edge/protocol';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { call, freshName, newTeamKey, uploadReady } from './support/api.ts';
import { tinyModel } from './support/tiny-model.ts';

const MIB = 1024 * 1024;
const PLACES = ['edge', 'node'];

/** y = -x on float32[n]. */
let model: { path: string; key: string };
beforeAll(async () => {
  const owner = await newTeamKey('models:read', 'models:write', 'infer');
  const name = freshName('wire');
  await owner.client.models.create({ name });
  await uploadReady(owner.client, name, tinyModel(name));
  model = { path: `/v2/models/${name}/infer`, key: owner.secret };
});

interface WireAnswer {
  status: number | undefined;
  headers: Record<string, unknown>;
  body: Buffer;
}

/** Sends as it is told, and leaves the answer as it came: `fetch` would ask for compression, and undo it. */
function send(body: string | Uint8Array, headers: Record<string, string> = {}): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const options = { method: 'POST', headers: { authorization: `Bearer ${model.key}`, ...headers } };
    const sent = httpRequest(`${inject('gatewayUrl')}${model.path}`, options, async (response) => {
      const chunks = await Array.fromAsync(response as AsyncIterable<Buffer>);
      resolve({ status: response.statusCode, headers: response.headers, body: Buffer.concat(chunks) });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

const x = (values: ArrayLike<number>): Tensor => ({
  name: 'x',
  datatype: 'FP32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const y = (values: number[]) => ({ ...x(values.map((value) => -value)), name: 'y' });
const jsonOf = (...values: number[]) => encodeInferRequest({ inputs: [x(values)] });
const outputsOf = ({ body }: WireAnswer) => JSON.parse(body.toString()).outputs;
const errorOf = ({ status, body }: WireAnswer) => ({ status, ...JSON.parse(body.toString()) });
const binaryOf = ({ body, headers }: WireAnswer) =>
  decodeBinaryResponse(Uint8Array.from(body), Number(headers[HEADER_LENGTH])).outputs;

describe('a compressed body', () => {
  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['deflate', deflateSync],
    ['identity', Buffer.from],
  ] as const)('%s, JSON and binary', async (coding, compress) => {
    const encoding = { 'content-encoding': coding };
    const json = await send(compress(jsonOf(1, -2)), encoding);
    expect(outputsOf(json)).toEqual([{ name: 'y', datatype: 'FP32', shape: [2], data: [-1, 2] }]);
    const { bytes, headerLength } = encodeBinaryRequest({ inputs: [x([3, 4])] });
    const binary = await send(compress(bytes), { ...encoding, [HEADER_LENGTH]: String(headerLength) });
    expect(binaryOf(binary)).toEqual([y([3, 4])]);
  });

  it('as large as is allowed after inflating, but no larger', async () => {
    const fill = (bytes: number) => gzipSync(jsonOf(1).padEnd(bytes, ' '));
    const gzip = { 'content-encoding': 'gzip' };
    expect((await send(fill(16 * MIB), gzip)).status).toBe(200);
    expect(errorOf(await send(fill(16 * MIB + 1), gzip))).toMatchObject({ status: 413, code: 'body_too_large' });
    expect((await send(jsonOf(1))).status).toBe(200);
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
  ] as const)('that stands for a thousand times as much is refused: %s', async (coding, compress) => {
    const bomb = compress(Buffer.alloc(512 * MIB));
    const answers = await Promise.all([1, 2, 3].map(() => send(bomb, { 'content-encoding': coding })));
    for (const answer of answers) expect([413, 429]).toContain(answer.status);
    // Of several at once each may be in the way of the others; one alone is told what is wrong with it.
    expect((await send(bomb, { 'content-encoding': coding })).status).toBe(413);
    expect((await send(jsonOf(1))).status).toBe(200);
  });

  it('that goes on for ever with nothing in it is refused', async () => {
    // Stored blocks of no length, RFC 1951, 3.2.4.
    const nothing = Buffer.alloc(17 * MIB, Buffer.from([0, 0, 0, 0xff, 0xff]));
    const refused = await send(Buffer.concat([Buffer.from([0x78, 0x9c]), nothing]), { 'content-encoding': 'deflate' });
    expect(errorOf(refused)).toMatchObject({ status: 413, code: 'body_too_large' });
  });

  const whole = gzipSync(jsonOf(...Array.from({ length: 5000 }, Math.random)));
  it.each([
    ['is none', 'gzip', Buffer.from(jsonOf(1))],
    ['is empty', 'gzip', Buffer.alloc(0)],
    ['breaks off', 'gzip', whole.subarray(0, whole.byteLength - 20)],
    ['lacks its end', 'gzip', whole.subarray(0, whole.byteLength - 1)],
    ['has a wrong checksum', 'gzip', Buffer.concat([whole.subarray(0, -8), Buffer.alloc(8)])],
    ['is another', 'deflate', whole],
    ['is raw', 'deflate', deflateRawSync(jsonOf(1))],
  ])('that %s: 400', async (_what, coding, body) => {
    const answer = errorOf(await send(body, { 'content-encoding': coding }));
    expect(answer).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(answer.error).toMatch(new RegExp(`^Content-Encoding says ${coding}.*no such stream`));
  });

  it.each(['br', 'gzip, gzip', 'zstd'])('%s is not supported: 415', async (coding) => {
    const answer = errorOf(await send(jsonOf(1), { 'content-encoding': coding }));
    expect(answer).toMatchObject({ status: 415, code: 'encoding_not_supported' });
    expect(answer.error).toBe(`Content-Encoding: expected gzip, deflate or none, got "${coding}"`);
  });
});

describe('a compressed answer', () => {
  const values = Array.from({ length: 2000 }, (_, i) => (i + 1) / 4);

  it.each([
    ['gzip', 'gzip', gunzipSync],
    ['deflate', 'deflate', inflateSync],
    ['gzip;q=0.1, deflate;q=0.2, br', 'deflate', inflateSync],
    ['br', undefined, Buffer.from],
    ['gzip;q=0', undefined, Buffer.from],
  ] as const)('for Accept-Encoding: %s', async (accepted, coding, inflate) => {
    const answer = await send(jsonOf(...values), { 'accept-encoding': accepted });
    expect(answer.status).toBe(200);
    expect(answer.headers['content-encoding']).toBe(coding);
    expect(outputsOf({ ...answer, body: inflate(answer.body) })[0].data).toEqual(values.map((value) => -value));
    if (coding) expect(answer.body.byteLength).toBeLessThan(6000);
  });

  it('only where it was asked for, and pays', async () => {
    expect((await send(jsonOf(...values))).headers['content-encoding']).toBeUndefined();
    const short = await send(jsonOf(1), { 'accept-encoding': 'gzip' });
    expect(short.headers['content-encoding']).toBeUndefined();
  });

  it('may be binary: the header counts bytes before compression', async () => {
    const { bytes, headerLength } = encodeBinaryRequest({ inputs: [x(values)] });
    const headers = { [HEADER_LENGTH]: String(headerLength), 'accept-encoding': 'gzip' };
    const answer = await send(bytes, headers);
    expect(answer.headers['content-encoding']).toBe('gzip');
    expect(binaryOf({ ...answer, body: gunzipSync(answer.body) })).toEqual([y(values)]);
  });

  it('to a client that undoes it by itself', async () => {
    const response = await fetch(`${inject('gatewayUrl')}${model.path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${model.key}`, 'accept-encoding': 'deflate' },
      body: jsonOf(...values),
    });
    expect(response.headers.get('content-encoding')).toBe('deflate');
    expect(await response.json()).toMatchObject({ outputs: [{ shape: [2000] }] });
  });
});

it.each(['identity', 'gzip'])(
  'bytes that come again and again are answered alike, each under its own id: %s',
  async (coding) => {
    const body = jsonOf(...Array.from({ length: 400 }, (_, i) => i / 8));
    const ask = async (id: string) => {
      const answer = await send(body, { 'accept-encoding': coding, 'x-request-id': id });
      const { date: _, age, 'server-timing': __, ...headers } = answer.headers;
      return { ...answer, headers, age };
    };
    await ask('a');
    const decoded = await ask('b');
    expect(decoded.headers).toMatchObject({ 'x-lepton-cache': 'hit', 'x-request-id': 'b' });
    for (const id of ['c', 'd']) {
      const again = await ask(id);
      expect(again.headers).toEqual({ ...decoded.headers, 'x-request-id': id });
      expect(again.body.equals(decoded.body)).toBe(true);
      expect(again.age).toMatch(/^\d+$/);
    }
    const elsewhere = await send(body, { 'accept-encoding': coding, 'x-lepton-place': 'edge' });
    expect(elsewhere.headers['x-lepton-cache']).toBe('bypass');
  },
);

describe.each(PLACES)('binary data, %s', (place) => {
  const at = { 'x-lepton-place': place };
  const header = (fields: object, input: object = { parameters: { binary_data_size: 8 } }) =>
    JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2], ...input }], ...fields });
  const data = new Uint8Array(new Float32Array([1, 2]).buffer);
  const sendBinary = (json: string) =>
    send(Buffer.concat([Buffer.from(json), data]), { ...at, [HEADER_LENGTH]: String(Buffer.byteLength(json)) });

  it('in, JSON out, and the other way round', async () => {
    const json = await sendBinary(header({ id: 'é' }));
    expect(json.headers['content-type']).toBe('application/json');
    expect(JSON.parse(json.body.toString())).toMatchObject({ id: 'é', outputs: [{ name: 'y', data: [-1, -2] }] });
    const outputs = [{ name: 'y', parameters: { binary_data: true } }];
    const binary = await send(header({ id: 'é', outputs }, { data: [1, 2] }), at);
    expect(binary.headers['content-type']).toBe('application/octet-stream');
    expect(binaryOf(binary)).toEqual([y([1, 2])]);
  });

  it('is what one output says rather than what all do', async () => {
    const parameters = { binary_data_output: true };
    expect(binaryOf(await sendBinary(header({ parameters })))).toEqual([y([1, 2])]);
    const own = [{ name: 'y', parameters: { binary_data: false } }];
    expect(outputsOf(await sendBinary(header({ parameters, outputs: own })))).toMatchObject([{ data: [-1, -2] }]);
  });

  it('alone, without a JSON part', async () => {
    const answer = await send(data, { ...at, [HEADER_LENGTH]: '0' });
    expect(binaryOf(answer)).toEqual([y([1, 2])]);
    expect(answer.headers['x-lepton-placement']).toMatch(place);
    const wrong = errorOf(await send(data.subarray(1), { ...at, [HEADER_LENGTH]: '0' }));
    expect(wrong).toMatchObject({ status: 400, code: 'invalid_tensor' });
    expect(wrong.error).toBe('input "x": FP32 [-1] takes a multiple of 4 bytes, got 7');
  });

  it('keeps NaN, infinities and the sign of zero, in both encodings', async () => {
    const values = [Number.NaN, Number.POSITIVE_INFINITY, -0, 0];
    const binary = encodeBinaryRequest({ inputs: [x(values)] });
    const answer = await send(binary.bytes, { ...at, [HEADER_LENGTH]: String(binary.headerLength) });
    expect(binaryOf(answer)).toEqual([y(values)]);
    expect((await send(jsonOf(...values), at)).body.toString()).toContain('"data":["NaN","-Infinity",0,-0.0]');
  });
});

describe('what is not served', () => {
  const request = (fields: object) => JSON.stringify({ ...JSON.parse(jsonOf(1)), ...fields });
  it.each([
    [{ parameters: { sequence_id: 3 } }, /"sequence_id" is not served here/],
    [
      { outputs: [{ name: 'y', parameters: { classification: 1 } }] },
      /output "y": the parameter "classification" is not/,
    ],
    [{ outputs: [{ name: 'y', parameters: { shared_memory_region: 'r' } }] }, /take the data from the answer/],
    [{ outputs: [{ name: 'y' }, { name: 'y' }] }, /output "y" is asked for twice/],
  ])('is refused: %j', async (fields, sentence) => {
    const answer = errorOf(await send(request(fields)));
    expect(answer).toMatchObject({ status: 400, error: expect.stringMatching(sentence) });
  });

  it.each(['', '-1', '1.5', 'NaN', '99999'])('Inference-Header-Content-Length: %s', async (length) => {
    const answer = errorOf(await send(jsonOf(1), { [HEADER_LENGTH]: length }));
    expect(answer).toMatchObject({ status: 400, error: expect.stringMatching(/^Inference-Header-Content-Length/) });
  });

  it('the server says what is', async () => {
    const { body } = await call('GET', '/v2');
    expect(body).toMatchObject({ extensions: expect.arrayContaining(['binary_tensor_data', 'parameters']) });
  });
});
