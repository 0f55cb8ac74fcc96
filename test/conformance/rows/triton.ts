/** Triton's extensions that describe and control: repository index, model configuration, statistics, schedule policy. */
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { assertFailure, assertOk, assertRefused, infer, inferRows, x } from '../checks.ts';
import { MODELS, NAMED, ROWS, SHAPES, TYPES } from '../models.ts';
import type { Row, Server } from '../row.ts';

const REPOSITORY = 'Triton, Model Repository';
const CONFIGURATION = 'Triton, Model Configuration';
const STATISTICS = 'Triton, Statistics';
const SCHEDULE = 'Triton, Schedule Policy';

async function statisticsOf(server: Server, path: string) {
  const answer = await server.send('GET', `/v2/models/${path}/stats`);
  assertOk(answer);
  return answer.json.model_stats;
}

export const TRITON_ROWS: Row[] = [
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
    id: 'schedule-policy',
    source: SCHEDULE,
    requirement:
      '`priority` is 1, 2 or 3, `timeout` a number of microseconds, and 0 the default of both; whatever else they are is 400',
    check: async (server) => {
      const inputs = [x([Math.random(), 1])];
      for (const parameters of [{ priority: 0, timeout: 0 }, { priority: 1 }, { priority: 3, timeout: 60_000_000 }]) {
        assertOk(await inferRows(server, { inputs, parameters }));
      }
      for (const parameters of [{ priority: 4 }, { priority: '1' }, { timeout: -1 }, { timeout: true }]) {
        assertFailure(await inferRows(server, { inputs, parameters }), 400, Object.keys(parameters)[0]);
      }
    },
  },
  {
    id: 'schedule-policy-timeout',
    source: SCHEDULE,
    requirement: 'a request that cannot be completed within its `timeout` is an HTTP error with `{"error": string}`',
    check: async (server) => {
      const inputs = [x([Math.random(), 2])];
      assertFailure(await inferRows(server, { inputs, parameters: { timeout: 1 } }), 504, 'in which');
    },
  },
];
