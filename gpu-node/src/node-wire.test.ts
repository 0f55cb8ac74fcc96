/** A node as bytes on a socket: compression, binary data for some outputs, requests without a JSON part. */
import { deflateSync, gzipSync } from 'node:zlib';
import {
  decodeBinaryResponse,
  encodeBinaryRequest,
  encodeInferRequest,
  HEADER_LENGTH,
  type Tensor,
} from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { joinedNode } from './testing/node-fixture.ts';
import { addModel, identityModel } from './testing/onnx-file.ts';

const MIB = 1024 * 1024;
const vector = (name: string, values: number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const inputs = (a: number[], b: number[]) => [vector('a', a), vector('b', b)];

async function addition() {
  const { gateway, infer } = await joinedNode();
  const version = gateway.publish('add', addModel(), {
    inputs: [
      { name: 'a', datatype: 'FP32', shape: [-1] },
      { name: 'b', datatype: 'FP32', shape: [-1] },
    ],
    outputs: [{ name: 'sum', datatype: 'FP32', shape: [-1] }],
  });
  return (body: string | Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    infer(version, body, { 'accept-encoding': 'identity', ...headers });
}

const bytesOf = (buffer: Buffer) => Uint8Array.from(buffer);
const answerOf = async (response: Response) => {
  const { status, headers } = response;
  const body = (await response.json()) as { error?: string; code?: string; outputs?: unknown };
  return { status, coding: headers.get('content-encoding'), ...body };
};

it('inflates bodies, within its bound', async () => {
  const send = await addition();
  const json = encodeInferRequest({ inputs: inputs([1, 2], [3, 4]) });
  const sum = { status: 200, outputs: [{ name: 'sum', data: [4, 6] }] };
  expect(await answerOf(await send(bytesOf(gzipSync(json)), { 'content-encoding': 'gzip' }))).toMatchObject(sum);
  expect(await answerOf(await send(bytesOf(deflateSync(json)), { 'content-encoding': 'deflate' }))).toMatchObject(sum);
  const { bytes, headerLength } = encodeBinaryRequest({ inputs: inputs([1, 2], [3, 4]) });
  const headers = { 'content-encoding': 'gzip', [HEADER_LENGTH]: String(headerLength) };
  const binary = new Uint8Array(await (await send(bytesOf(gzipSync(bytes)), headers)).arrayBuffer());
  expect(new Float32Array(binary.slice(-8).buffer)).toEqual(new Float32Array([4, 6]));

  const bomb = bytesOf(gzipSync(Buffer.alloc(200 * MIB)));
  const large = await answerOf(await send(bomb, { 'content-encoding': 'gzip' }));
  expect(large).toMatchObject({ status: 413, code: 'body_too_large' });
  expect(await answerOf(await send(json))).toMatchObject(sum);
});

it('says what is wrong with a compressed body', async () => {
  const send = await addition();
  const whole = bytesOf(gzipSync(encodeInferRequest({ inputs: inputs([1], [2]) })));
  for (const body of [whole.slice(0, -1), whole.slice(0, 12), new Uint8Array(20), new Uint8Array()]) {
    const broken = await answerOf(await send(body, { 'content-encoding': 'gzip' }));
    expect(broken).toMatchObject({ status: 400, code: 'invalid_request' });
    expect(broken.error).toMatch(/^Content-Encoding says gzip, but the body is no such stream/);
  }
  const unknown = await answerOf(await send(whole, { 'content-encoding': 'br' }));
  expect(unknown).toMatchObject({ status: 415, code: 'encoding_not_supported' });
});

it('compresses answers for who asks, where it pays', async () => {
  const send = await addition();
  const many = Array.from({ length: 1000 }, (_, i) => i);
  const long = encodeInferRequest({ inputs: inputs(many, many) });
  for (const coding of ['gzip', 'deflate']) {
    const answer = await answerOf(await send(long, { 'accept-encoding': coding }));
    expect(answer).toMatchObject({ status: 200, coding, outputs: [{ data: many.map((each) => 2 * each) }] });
  }
  expect((await send(long)).headers.get('content-encoding')).toBeNull();
  const short = await send(encodeInferRequest({ inputs: inputs([1], [2]) }), { 'accept-encoding': 'gzip' });
  expect(short.headers.get('content-encoding')).toBeNull();
});

it('answers each output as it was asked for', async () => {
  const send = await addition();
  const ask = (all: boolean, own?: boolean) =>
    send(
      encodeInferRequest({
        inputs: inputs([1], [2]),
        parameters: { binary_data_output: all },
        outputs: [{ name: 'sum', ...(own === undefined ? {} : { parameters: { binary_data: own } }) }],
      }),
    );
  for (const [all, own] of [[true], [false, true]] as const) {
    const response = await ask(all, own);
    const answer = new Uint8Array(await response.arrayBuffer());
    const { outputs } = decodeBinaryResponse(answer, Number(response.headers.get(HEADER_LENGTH)));
    expect(outputs).toEqual([vector('sum', [3])]);
  }
  expect(await answerOf(await ask(true, false))).toMatchObject({ outputs: [{ name: 'sum', data: [3] }] });
});

it('takes a request without a JSON part, for a model with one input', async () => {
  const { gateway, infer } = await joinedNode();
  const cases = [
    { datatype: 'FP32', body: new Uint8Array(new Float32Array([1, -2]).buffer), shape: [2], data: [1, -2] },
    {
      datatype: 'BYTES',
      body: new TextEncoder().encode('grüße'),
      shape: [1],
      data: [new TextEncoder().encode('grüße')],
    },
  ] as const;
  for (const { datatype, body, shape, data } of cases) {
    const version = gateway.publish(`same-${datatype.toLowerCase()}`, identityModel(datatype), {
      inputs: [{ name: 'x', datatype, shape: [-1] }],
      outputs: [{ name: 'y', datatype, shape: [-1] }],
    });
    const response = await infer(version, body, { [HEADER_LENGTH]: '0' });
    const answer = new Uint8Array(await response.arrayBuffer());
    const [y] = decodeBinaryResponse(answer, Number(response.headers.get(HEADER_LENGTH))).outputs;
    expect(y).toMatchObject({ name: 'y', datatype, shape });
    expect([...(y?.data ?? [])]).toEqual(data);
  }
});

it('needs a JSON part for a model with two inputs', async () => {
  const send = await addition();
  const refused = await answerOf(await send(new Uint8Array(8), { [HEADER_LENGTH]: '0' }));
  expect(refused).toMatchObject({ status: 400, code: 'invalid_tensor' });
  expect(refused.error).toBe(
    'a request without a JSON part needs a model with one input, this one has 2: "a" FP32 [-1], "b" FP32 [-1]',
  );
  for (const length of ['x', '1.5', '-1']) {
    const wrong = await answerOf(await send(new Uint8Array(8), { [HEADER_LENGTH]: length }));
    expect(wrong).toMatchObject({ status: 400, error: expect.stringContaining('expected a number of bytes') });
  }
});
