/** Bodies as Triton's clients send and read them: binary tensor data, and compression. */
import assert from 'node:assert/strict';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import { assertFailure, assertOk, bytesOf, infer, inferRows, shapes, splitBinary, withBinary, x } from '../checks.ts';
import { SHAPES } from '../models.ts';
import type { Row } from '../row.ts';

const BINARY = 'Triton, Binary Tensor Data';
const CLIENT = 'Triton, HTTP clients';

const pair = bytesOf(Float32Array.of(1.5, -2));
const binaryOf = (size: number) => ({ ...x(), data: undefined, parameters: { binary_data_size: size } });
const binaryX = binaryOf(8);
const LENGTH = 'inference-header-content-length';

export const WIRE_ROWS: Row[] = [
  {
    id: 'binary-in',
    source: BINARY,
    requirement:
      '`binary_data_size` on an input takes its data from behind the JSON part; the answer is JSON unless asked otherwise',
    check: async (server) => {
      const { body, headers } = withBinary({ inputs: [binaryX] }, pair);
      const answer = await inferRows(server, body, headers);
      assertOk(answer);
      assert.equal(answer.headers[LENGTH], undefined);
      assert.deepEqual(answer.json.outputs[0].data, [1.5, -2]);
    },
  },
  {
    id: 'binary-out',
    source: BINARY,
    requirement:
      '`binary_data` on an output answers with data behind the JSON part, whose length the header tells; `binary_data_size` is the data’s',
    check: async (server) => {
      const outputs = [{ name: 'y', parameters: { binary_data: true } }];
      const answer = await inferRows(server, { id: 'é', inputs: [x([1.5, -2])], outputs });
      assertOk(answer);
      assert.equal(answer.headers['content-type'], 'application/octet-stream');
      const { json, data } = splitBinary(answer);
      assert.equal(json.id, 'é');
      const y = { name: 'y', datatype: 'FP32', shape: [1, 2], parameters: { binary_data_size: 8 } };
      assert.deepEqual(json.outputs, [y]);
      assert.deepEqual(data, pair);
    },
  },
  {
    id: 'binary-output-default',
    source: BINARY,
    requirement: '`binary_data_output` asks so for all outputs; what one output says comes before it',
    check: async (server) => {
      const request = { parameters: { binary_data_output: true }, inputs: [x([1.5, -2])] };
      assert.deepEqual(splitBinary(await inferRows(server, request)).data, pair);
      const own = await inferRows(server, { ...request, outputs: [{ name: 'y', parameters: { binary_data: false } }] });
      assert.equal(own.headers[LENGTH], undefined);
      assert.deepEqual(own.json.outputs[0].data, [1.5, -2]);
    },
  },
  {
    id: 'binary-mixed',
    source: BINARY,
    requirement:
      'some tensors in binary and some in JSON, both ways; binary data lies in the order of the tensors in the JSON',
    check: async (server) => {
      const texts = Buffer.from('\x01\0\0\0q\x02\0\0\0rs');
      const scalar = bytesOf(BigInt64Array.of(2n ** 62n + 1n));
      const inputs = shapes(
        { name: 'scalar', datatype: 'INT64', shape: [], parameters: { binary_data_size: 8 } },
        { name: 'texts', datatype: 'BYTES', shape: [2, 1], parameters: { binary_data_size: texts.byteLength } },
      );
      const binary = { binary_data: true };
      const outputs = [
        { name: 'texts_out', parameters: binary },
        { name: 'matrix_out' },
        { name: 'scalar_out', parameters: binary },
      ];
      const { body, headers } = withBinary({ inputs, outputs }, scalar, texts);
      const { json, data } = splitBinary(await infer(server, SHAPES, body, headers));
      assert.deepEqual(json.outputs[1], { name: 'matrix_out', datatype: 'FP32', shape: [1, 3], data: [1, 2, 3] });
      assert.deepEqual(data, Buffer.concat([texts, scalar]));
    },
  },
  {
    id: 'binary-raw',
    source: BINARY,
    requirement:
      'with `Inference-Header-Content-Length: 0` the body is the only input’s data, and the answer is binary',
    check: async (server) => {
      const answer = await inferRows(server, pair, { 'content-type': 'application/octet-stream', [LENGTH]: '0' });
      assertOk(answer);
      assert.deepEqual(splitBinary(answer).data, pair);
      const half = await inferRows(server, pair.subarray(0, 6), { [LENGTH]: '0' });
      assertFailure(half, 400, 'bytes');
      assertFailure(await infer(server, SHAPES, pair, { [LENGTH]: '0' }), 400, 'input');
    },
  },
  {
    id: 'binary-header',
    source: BINARY,
    requirement: 'the header must be there where data is binary, be a number, and lie within the body',
    check: async (server) => {
      assertFailure(await inferRows(server, { inputs: [binaryX] }), 400, 'Inference-Header-Content-Length');
      for (const length of ['-1', '1.5', 'x', '99999']) {
        const answer = await inferRows(server, { inputs: [x()] }, { [LENGTH]: length });
        assertFailure(answer, 400, 'Inference-Header-Content-Length');
      }
    },
  },
  {
    id: 'binary-size',
    source: BINARY,
    requirement: 'data of another length than its size, its shape or its elements say, or left over, is refused',
    check: async (server) => {
      const send = async (size: number, data: Uint8Array) => {
        const { body, headers } = withBinary({ inputs: [binaryOf(size)] }, data);
        return await inferRows(server, body, headers);
      };
      assertFailure(await send(4, pair.subarray(0, 4)), 400, '8');
      assertFailure(await send(8, pair.subarray(0, 4)), 400);
      assertFailure(await send(8, Buffer.concat([pair, pair])), 400);
      const texts = { name: 'texts', datatype: 'BYTES', shape: [2, 1], parameters: { binary_data_size: 5 } };
      const { body, headers } = withBinary({ inputs: shapes(texts) }, Buffer.from('\x09\0\0\0q'));
      assertFailure(await infer(server, SHAPES, body, headers), 400, 'texts');
    },
  },
  {
    id: 'client-request-compression',
    source: CLIENT,
    requirement: 'a body in gzip or deflate is inflated; the header counts its JSON part before compression',
    check: async (server) => {
      const { body, headers } = withBinary({ inputs: [binaryX] }, pair);
      for (const [coding, compress] of [
        ['gzip', gzipSync],
        ['deflate', deflateSync],
      ] as const) {
        const answer = await inferRows(server, compress(body), { ...headers, 'content-encoding': coding });
        assertOk(answer);
        assert.deepEqual(answer.json.outputs[0].data, [1.5, -2]);
      }
      assertFailure(await inferRows(server, body, { ...headers, 'content-encoding': 'gzip' }), 400, 'gzip');
      assertFailure(await inferRows(server, body, { ...headers, 'content-encoding': 'br' }), 415, 'br');
    },
  },
  {
    id: 'client-response-compression',
    source: CLIENT,
    requirement:
      'an answer is compressed by what `Accept-Encoding` takes of gzip and deflate, JSON and binary; not where it is not asked',
    check: async (server) => {
      const values = Array.from({ length: 2000 }, (_, i) => i);
      const request = { inputs: [x(values, { shape: [1000, 2] })] };
      const plain = await inferRows(server, request);
      assert.equal(plain.headers['content-encoding'], undefined);
      for (const [coding, inflate] of [
        ['gzip', gunzipSync],
        ['deflate', inflateSync],
      ] as const) {
        const answer = await inferRows(server, request, { 'accept-encoding': coding });
        assert.equal(answer.headers['content-encoding'], coding);
        assert.equal(inflate(answer.bytes).toString(), plain.text);
        const binary = { ...request, parameters: { binary_data_output: true } };
        const packed = await inferRows(server, binary, { 'accept-encoding': coding });
        const { data } = splitBinary({ ...packed, bytes: inflate(packed.bytes) });
        assert.deepEqual(data, bytesOf(Float32Array.from(values)));
      }
    },
  },
  {
    id: 'client-unsupported',
    source: CLIENT,
    requirement: 'shared memory, classification and sequences are refused with a sentence, never left out',
    check: async (server) => {
      const region = { shared_memory_region: 'r', shared_memory_byte_size: 8 };
      for (const body of [
        { inputs: [{ ...x(), data: undefined, parameters: region }] },
        { inputs: [x()], outputs: [{ name: 'y', parameters: region }] },
        { inputs: [x()], outputs: [{ name: 'y', parameters: { classification: 2 } }] },
        { inputs: [x()], parameters: { sequence_id: 7 } },
      ]) {
        assertFailure(await inferRows(server, body), 400, 'is not served here');
      }
    },
  },
];
