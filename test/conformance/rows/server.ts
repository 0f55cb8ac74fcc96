/** Health, server metadata, model metadata and readiness. */
import assert from 'node:assert/strict';
import { assertFailure, assertOk, assertRefused } from '../checks.ts';
import { ROWS, SHAPES, TYPES } from '../models.ts';
import type { Row } from '../row.ts';

const HEALTH = 'OIP, Health';
const SERVER = 'OIP, Server Metadata';
const MODEL = 'OIP, Model Metadata';

const METADATA = {
  [SHAPES]: {
    inputs: [
      { name: 'matrix', datatype: 'FP32', shape: [-1, 3] },
      { name: 'scalar', datatype: 'INT64', shape: [] },
      { name: 'texts', datatype: 'BYTES', shape: [2, -1] },
    ],
  },
};

export const SERVER_ROWS: Row[] = [
  {
    id: 'health-live',
    source: HEALTH,
    requirement: '`GET v2/health/live` is 200 while requests can be received, and needs no key',
    check: async ({ send }) => {
      const answer = await send('GET', '/v2/health/live', { anonymous: true });
      assertOk(answer);
      assert.deepEqual(answer.json, { live: true });
    },
  },
  {
    id: 'health-ready',
    source: HEALTH,
    requirement: '`GET v2/health/ready` is 200 while inferences can be answered, and needs no key',
    check: async ({ send }) => {
      const answer = await send('GET', '/v2/health/ready', { anonymous: true });
      assertOk(answer);
      assert.deepEqual(answer.json, { ready: true });
    },
  },
  {
    id: 'model-ready',
    source: HEALTH,
    requirement:
      '`GET v2/models/{name}/ready` and `…/versions/{n}/ready` are 200 for a ready model, with its name and `ready`',
    check: async ({ send }) => {
      for (const [path, version] of [
        [TYPES, '1'],
        [`${ROWS}/versions/2`, '2'],
      ]) {
        const answer = await send('GET', `/v2/models/${path}/ready`);
        assertOk(answer);
        assert.equal(answer.json.ready, true);
        assert.equal(answer.json.version, version);
      }
    },
  },
  {
    id: 'model-not-ready',
    source: HEALTH,
    requirement: '`…/ready` is 4xx for a model or a version that is not there',
    check: async (server) => {
      await assertRefused(server, 'GET', '/v2/models/nobody/ready');
      await assertRefused(server, 'GET', `/v2/models/${ROWS}/versions/9/ready`);
    },
  },
  {
    id: 'server-metadata',
    source: SERVER,
    requirement: '`GET v2` is 200 with `name`, `version` and `extensions`, all strings',
    check: async ({ send }) => {
      const answer = await send('GET', '/v2');
      assertOk(answer);
      const { name, version, extensions } = answer.json;
      assert.deepEqual([typeof name, typeof version], ['string', 'string']);
      assert.ok(extensions.every((each: unknown) => typeof each === 'string'));
    },
  },
  {
    id: 'server-metadata-extensions',
    source: 'Triton, every extension',
    requirement: '`extensions` names the extensions that are served: binary data, model configuration, statistics',
    check: async ({ send }) => {
      const { json } = await send('GET', '/v2');
      for (const name of ['binary_tensor_data', 'model_configuration', 'statistics']) {
        assert.ok(json.extensions.includes(name), name);
      }
    },
  },
  {
    id: 'server-metadata-failure',
    source: SERVER,
    requirement: 'a failed call is an HTTP error whose body is `{"error": string}`',
    check: async ({ send }) => {
      assertFailure(await send('GET', '/v2', { anonymous: true }), 401);
      assertFailure(await send('DELETE', '/v2'));
    },
  },
  {
    id: 'model-metadata',
    source: MODEL,
    requirement:
      '`GET v2/models/{name}` is 200 with `name`, `versions`, `platform` as `<project>_<format>`, `inputs` and `outputs`',
    check: async ({ send }) => {
      const answer = await send('GET', `/v2/models/${ROWS}`);
      assertOk(answer);
      const { platform, ...rest } = answer.json;
      assert.match(platform, /^[a-z]+_[a-z]+$/);
      assert.deepEqual(rest, {
        name: ROWS,
        versions: ['1', '2'],
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 2] }],
        outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 2] }],
      });
    },
  },
  {
    id: 'model-metadata-version',
    source: MODEL,
    requirement: '`GET v2/models/{name}/versions/{n}` describes that version',
    check: async ({ send }) => {
      const answer = await send('GET', `/v2/models/${ROWS}/versions/1`);
      assertOk(answer);
      assert.deepEqual(answer.json.versions, ['1']);
    },
  },
  {
    id: 'model-metadata-shapes',
    source: MODEL,
    requirement: 'a shape has -1 for an axis of variable size, and no axes for a scalar',
    check: async ({ send }) => {
      const { json } = await send('GET', `/v2/models/${SHAPES}`);
      const byName = (tensors: { name: string }[]) => tensors.toSorted((a, b) => (a.name < b.name ? -1 : 1));
      assert.deepEqual(byName(json.inputs), METADATA[SHAPES].inputs);
      const outputs = METADATA[SHAPES].inputs.map((input) => ({ ...input, name: `${input.name}_out` }));
      assert.deepEqual(byName(json.outputs), outputs);
    },
  },
  {
    id: 'model-metadata-failure',
    source: MODEL,
    requirement: 'a failed call is an HTTP error whose body is `{"error": string}`',
    check: async (server) => {
      await assertRefused(server, 'GET', '/v2/models/nobody', {}, 404);
      await assertRefused(server, 'GET', `/v2/models/${ROWS}/versions/9`, {}, 404);
    },
  },
];
