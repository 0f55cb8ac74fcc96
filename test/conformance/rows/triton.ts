/** Triton's extensions: binary tensor data, repository index, model configuration, statistics; and what its HTTP clients rely on. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { deflateSync, gunzipSync, gzipSync, inflateSync } from 'node:zlib';
import {
  assertFailure,
  assertOk,
  assertRefused,
  bytesOf,
  infer,
  inferRows,
  shapes,
  splitBinary,
  withBinary,
  x,
} from '../checks.ts';
import { MODELS, NAMED, ROWS, SHAPES, TYPES } from '../models.ts';
import type { Row, Server } from '../row.ts';

const BINARY = 'Triton, Binary Tensor Data';
const REPOSITORY = 'Triton, Model Repository';
const CONFIGURATION = 'Triton, Model Configuration';
const STATISTICS = 'Triton, Statistics';
const CLIENT = 'Triton, HTTP clients';

const pair = bytesOf(Float32Array.of(1.5, -2));
const binaryOf = (size: number) => ({ ...x(), data: undefined, parameters: { binary_data_size: size } });
const binaryX = binaryOf(8);
const LENGTH = 'inference-header-content-length';

async function statisticsOf(server: Server, path: string) {
  const answer = await server.send('GET', `/v2/models/${path}/stats`);
  assertOk(answer);
  return answer.json.model_stats;
}

export const TRITON_ROWS: Row[] = [
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
    id: 'repository-index',
    source: REPOSITORY,
    requirement:
      '`POST v2/repository/index` lists every version with `name`, `version`, `state` and `reason`; its body may be empty',
    check: async ({ send }) => {
      for (const body of [undefined, {}, { ready: true }]) {
        const answer = await send('POST', '/v2/repository/index', { body });
        assertOk(answer);
        const entries = answer.json as { name: string; version: string; state: string; reason: string }[];
        for (const { name, version, state, reason } of entries) {
          assert.ok([name, version, state, reason].every((each) => typeof each === 'string'));
          if (body?.ready) assert.equal(state, 'READY');
        }
        for (const name of Object.keys(MODELS))
          assert.ok(
            entries.some((entry) => entry.name === name),
            name,
          );
        const rows = entries.filter(({ name }) => name === ROWS).map(({ version }) => version);
        assert.ok(rows.includes('2'));
      }
    },
  },
  {
    id: 'repository-index-failure',
    source: REPOSITORY,
    requirement: 'an index request that is none is an HTTP error with `{"error": string}`',
    check: async (server) => {
      await assertRefused(server, 'POST', '/v2/repository/index', { body: { ready: 'yes' } }, 400);
      await assertRefused(server, 'POST', '/v2/repository/index', { body: '{' }, 400);
      await assertRefused(server, 'GET', '/v2/repository/index', {}, 405);
    },
  },
  {
    id: 'repository-load',
    source: REPOSITORY,
    requirement:
      '`POST v2/repository/models/{name}/load` and `…/unload` are 200; the model is ready after one and not after the other',
    on: 'node',
    check: async ({ send }) => {
      const ready = async () => (await send('GET', `/v2/models/${TYPES}/ready`)).status;
      assertOk(await send('POST', `/v2/repository/models/${TYPES}/unload`, { body: {} }));
      assert.notEqual(await ready(), 200);
      assertOk(await send('POST', `/v2/repository/models/${TYPES}/load`));
      assert.equal(await ready(), 200);
      assertFailure(await send('POST', '/v2/repository/models/nobody/load'), 404, 'nobody');
    },
  },
  {
    id: 'repository-load-gateway',
    source: REPOSITORY,
    requirement: 'a gateway loads models by itself: `load` and `unload` are 400 with a sentence that says so',
    on: 'gateway',
    check: async (server) => {
      for (const verb of ['load', 'unload']) {
        const path = `/v2/repository/models/${TYPES}/${verb}`;
        await assertRefused(server, 'POST', path, { body: {} }, 400, 'loads models by itself');
      }
    },
  },
  {
    id: 'config',
    source: CONFIGURATION,
    requirement:
      '`GET v2/models/{name}[/versions/{n}]/config` is 200 with `max_batch_size` and the tensors in Triton’s names of datatypes',
    check: async ({ send }) => {
      for (const path of [SHAPES, `${SHAPES}/versions/1`]) {
        const answer = await send('GET', `/v2/models/${path}/config`);
        assertOk(answer);
        assert.equal(answer.json.name, SHAPES);
        assert.equal(answer.json.max_batch_size, 0);
        const texts = answer.json.input.find((each: { name: string }) => each.name === 'texts');
        assert.deepEqual(texts, { name: 'texts', data_type: 'TYPE_STRING', dims: [2, -1] });
      }
    },
  },
  {
    id: 'config-failure',
    source: CONFIGURATION,
    requirement: 'a failed call is an HTTP error with `{"error": string}`',
    check: async (server) => await assertRefused(server, 'GET', '/v2/models/nobody/config', {}, 404),
  },
  {
    id: 'statistics',
    source: STATISTICS,
    requirement:
      '`…/stats` counts requests, the inferences of their batches, executions and failures, with durations in ns',
    check: async (server) => {
      const path = `${ROWS}/versions/2`;
      const [before] = await statisticsOf(server, path);
      const values = Array.from({ length: 6 }, () => Math.random());
      assertOk(await infer(server, path, { inputs: [x(values, { shape: [3, 2] })] }));
      assertFailure(await infer(server, path, { inputs: [] }), 400);
      const limit = Date.now() + 15_000;
      let after = before;
      while (after.inference_stats.fail.count === before.inference_stats.fail.count && Date.now() < limit) {
        await sleep(100);
        [after] = await statisticsOf(server, path);
      }
      assert.deepEqual([after.name, after.version], [ROWS, '2']);
      const grown = (count: (each: typeof after) => number) => count(after) - count(before);
      assert.equal(
        grown((each) => each.inference_count),
        3,
      );
      assert.equal(
        grown((each) => each.execution_count),
        1,
      );
      assert.equal(
        grown((each) => each.inference_stats.success.count),
        1,
      );
      assert.equal(
        grown((each) => each.inference_stats.fail.count),
        1,
      );
      assert.ok(after.last_inference >= before.last_inference);
      for (const name of [
        'success',
        'fail',
        'queue',
        'compute_input',
        'compute_infer',
        'compute_output',
        'cache_hit',
      ]) {
        const { count, ns } = after.inference_stats[name];
        assert.ok(Number.isInteger(count) && Number.isInteger(ns), name);
      }
      assert.ok(Array.isArray(after.batch_stats));
    },
  },
  {
    id: 'statistics-model',
    source: STATISTICS,
    requirement: 'without a version `…/stats` tells of the versions of the model that were asked',
    check: async (server) => {
      assertOk(await inferRows(server, { inputs: [x()] }));
      const versions = (await statisticsOf(server, ROWS)).map(({ version }: { version: string }) => version);
      assert.ok(versions.includes('2'), String(versions));
      await assertRefused(server, 'GET', '/v2/models/nobody/stats', {}, 404);
    },
  },
  {
    id: 'statistics-named',
    source: STATISTICS,
    requirement: 'the same of a model whose aliases leave its name without a version, which no other call answers',
    on: 'gateway',
    check: async (server) => {
      assertOk(await infer(server, `${NAMED}@first`, { inputs: [x()] }));
      assertFailure(await infer(server, NAMED, { inputs: [x()] }), 404, 'name a version or an alias');
      assert.ok(Array.isArray(await statisticsOf(server, NAMED)));
    },
  },
  {
    id: 'statistics-all',
    source: STATISTICS,
    requirement: '`GET v2/models/stats` tells of all versions of all models',
    on: 'node',
    check: async ({ send }) => {
      const { json } = await send('GET', '/v2/models/stats');
      const names = json.model_stats.map(
        ({ name, version }: { name: string; version: string }) => `${name}@${version}`,
      );
      assert.deepEqual(names, [`${ROWS}@1`, `${ROWS}@2`, `${SHAPES}@1`, `${TYPES}@1`]);
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
