/** How a path names a model: by name, version or alias, escaped or not. */
import assert from 'node:assert/strict';
import { assertFailure, assertOk, assertRefused, x } from '../checks.ts';
import { ROWS } from '../models.ts';
import type { Row, Server } from '../row.ts';

const SOURCE = 'Lepton, references';
const BODY = { inputs: [x()] };

/** Every path that names a model, for one reference. */
const calls = (reference: string): [method: string, path: string, options?: object][] => [
  ['GET', `/v2/models/${reference}`],
  ['GET', `/v2/models/${reference}/ready`],
  ['GET', `/v2/models/${reference}/config`],
  ['GET', `/v2/models/${reference}/stats`],
  ['POST', `/v2/models/${reference}/infer`, { body: BODY }],
];

async function assertServes({ send }: Server, reference: string, version: string): Promise<void> {
  for (const [method, path, options] of calls(reference)) {
    const answer = await send(method, path, options);
    assertOk(answer);
    if (method === 'POST') assert.equal(answer.json.model_version, version, path);
  }
}

export const REFERENCE_ROWS: Row[] = [
  {
    id: 'reference-version',
    source: SOURCE,
    requirement: '`name@3` and `name/versions/3` name a version in every path, escaped or not',
    check: async (server) => {
      await server.send('POST', `/v2/models/${ROWS}@1/infer`, { body: BODY });
      for (const text of [`${ROWS}@1`, `${ROWS}%401`, `${ROWS}/versions/1`, `%63onformance-rows@1`]) {
        await assertServes(server, text, '1');
      }
    },
  },
  {
    id: 'reference-alias',
    source: SOURCE,
    requirement: '`name@alias` names what the alias points to in every path, escaped or not',
    on: 'gateway',
    check: async (server) => {
      for (const text of [`${ROWS}@first`, `${ROWS}%40first`]) await assertServes(server, text, '1');
    },
  },
  {
    id: 'reference-alias-node',
    source: SOURCE,
    requirement: 'a node alone has no aliases: 404 with a sentence that says so',
    on: 'node',
    check: async (server) => {
      for (const [method, path, options] of calls(`${ROWS}@first`)) {
        await assertRefused(server, method, path, options, 404, 'knows no aliases');
      }
    },
  },
  {
    id: 'reference-both',
    source: SOURCE,
    requirement: '`@` together with `/versions/n` is 400',
    check: async (server) => {
      for (const [method, path, options] of calls(`${ROWS}@1/versions/1`)) {
        await assertRefused(server, method, path, options, 400, 'got both');
      }
    },
  },
  {
    id: 'reference-grammar',
    source: SOURCE,
    requirement: 'a name outside the grammar is 404 with what a name is, in every path',
    check: async (server) => {
      for (const name of ['Upper', 'a%20b', '_a', `a${'b'.repeat(63)}`, 'a%2Fb']) {
        for (const [method, path, options] of calls(name)) {
          await assertRefused(server, method, path, options, 404, 'a name is 1 to 63 of');
        }
      }
    },
  },
  {
    id: 'reference-slash',
    source: 'Triton, HTTP clients',
    requirement: 'a name with a slash, which clients do not escape, is a 404 in JSON',
    check: async ({ send }) => assertFailure(await send('POST', '/v2/models/a/b/infer', { body: BODY }), 404),
  },
  {
    id: 'reference-unknown',
    source: SOURCE,
    requirement: 'a model, version or alias that is not there is 404 with its name',
    check: async (server) => {
      for (const name of ['nobody', `${ROWS}@9`, `${ROWS}@latest`, `${ROWS}@nowhere`, `${ROWS}/versions/0`]) {
        for (const [method, path, options] of calls(name)) await assertRefused(server, method, path, options, 404);
      }
    },
  },
];
