/** The inference request and response, and what is refused. */
import assert from 'node:assert/strict';
import { assertFailure, assertOk, infer, inferRows, inferShapes, shapes, x } from '../checks.ts';
import { ROWS, SHAPES } from '../models.ts';
import type { Row } from '../row.ts';

const REQUEST = 'OIP, Inference Request';
const RESPONSE = 'OIP, Inference Response';
const ERROR = 'OIP, Inference Response Error';
const PARAMETERS = 'OIP, Parameters';

/** A request for version 1 of the model of rows that must be refused with a sentence. */
function refused(id: string, requirement: string, body: unknown, part: string): Row {
  return {
    id,
    source: ERROR,
    requirement: `${requirement} is 400 with \`{"error": string}\``,
    check: async (server) => assertFailure(await inferRows(server, body), 400, part),
  };
}

const namesOf = (json: { outputs: { name: string }[] }) => json.outputs.map(({ name }) => name);

export const INFERENCE_ROWS: Row[] = [
  {
    id: 'infer',
    source: RESPONSE,
    requirement: 'a successful inference is exactly 200, with `model_name`, `model_version` and `outputs`',
    check: async (server) => {
      const answer = await inferRows(server, { inputs: [x()] });
      assertOk(answer);
      assert.match(String(answer.headers['content-type']), /^application\/json/);
      assert.deepEqual(answer.json, {
        model_name: ROWS,
        model_version: '1',
        outputs: [{ name: 'y', datatype: 'FP32', shape: [1, 2], data: [1, 2] }],
      });
    },
  },
  {
    id: 'infer-id',
    source: REQUEST,
    requirement: '`id`, where it is given, stands in the answer as it came',
    check: async (server) => {
      for (const id of ['42', 'é "quoted" \u{1f44b}', '']) {
        assert.equal((await inferRows(server, { id, inputs: [x()] })).json.id, id);
      }
      assert.ok(!('id' in (await inferRows(server, { inputs: [x()] })).json));
    },
  },
  {
    id: 'infer-several',
    source: REQUEST,
    requirement: 'several inputs in any order make all outputs where none are asked for',
    check: async (server) => {
      const { json } = await infer(server, SHAPES, { inputs: shapes().reverse() });
      assert.deepEqual(namesOf(json).toSorted(), ['matrix_out', 'scalar_out', 'texts_out']);
      const empty = await inferShapes(server, { outputs: [] });
      assert.equal(empty.json.outputs.length, 3);
    },
  },
  {
    id: 'infer-outputs',
    source: REQUEST,
    requirement: '`outputs` says which outputs are returned, and in which order',
    check: async (server) => {
      const outputs = [{ name: 'texts_out' }, { name: 'matrix_out' }];
      assert.deepEqual(namesOf((await inferShapes(server, { outputs })).json), ['texts_out', 'matrix_out']);
      outputs.reverse();
      assert.deepEqual(namesOf((await inferShapes(server, { outputs })).json), ['matrix_out', 'texts_out']);
    },
  },
  {
    id: 'infer-batch',
    source: REQUEST,
    requirement: 'shape and data are those of the whole batch, in the request and in the answer',
    check: async (server) => {
      const data = [1, 2, 3, 4, 5, 6];
      const { json } = await inferRows(server, { inputs: [x(data, { shape: [3, 2] })] });
      assert.deepEqual(json.outputs, [{ name: 'y', datatype: 'FP32', shape: [3, 2], data }]);
    },
  },
  {
    id: 'infer-empty-batch',
    source: REQUEST,
    requirement: 'an axis may be 0: the batch of nothing is answered with nothing',
    check: async (server) => {
      const answer = await inferRows(server, { inputs: [x([], { shape: [0, 2] })] });
      assertOk(answer);
      assert.deepEqual(answer.json.outputs, [{ name: 'y', datatype: 'FP32', shape: [0, 2], data: [] }]);
    },
  },
  {
    id: 'infer-version',
    source: 'OIP, Inference',
    requirement: '`/versions/{n}` chooses the version; without it the server does, and says which it was',
    check: async (server) => {
      const second = await infer(server, `${ROWS}/versions/2`, { inputs: [x()] });
      assert.deepEqual([second.json.model_version, second.json.outputs[0].data], ['2', [-1, -2]]);
      const chosen = await infer(server, ROWS, { inputs: [x()] });
      assert.equal(chosen.json.model_version, '2');
    },
  },
  {
    id: 'infer-case',
    source: 'OIP, HTTP/REST',
    requirement: 'all strings are case-sensitive: names of tensors, and datatypes',
    check: async (server) => {
      assertFailure(await inferRows(server, { inputs: [x([1, 2], { name: 'X' })] }), 400, '"X"');
      assertFailure(await inferRows(server, { inputs: [x([1, 2], { datatype: 'fp32' })] }), 400);
    },
  },
  {
    id: 'parameters',
    source: PARAMETERS,
    requirement: 'parameters of strings, numbers and booleans are taken on the request, inputs and outputs',
    check: async (server) => {
      const parameters = { text: 'a', number: 1.5, flag: true };
      const body = { parameters, inputs: [x([1, 2], { parameters })], outputs: [{ name: 'y', parameters }] };
      assertOk(await inferRows(server, body));
    },
  },
  {
    id: 'parameters-refused',
    source: PARAMETERS,
    requirement: 'a parameter of any other kind is refused',
    check: async (server) => {
      for (const value of [null, [1], {}]) {
        assertFailure(await inferRows(server, { parameters: { value }, inputs: [x()] }), 400, 'parameters');
      }
    },
  },
  refused('error-json', 'a body that is no JSON', '{"inputs": [', 'JSON'),
  refused('error-empty', 'an empty body', '', 'JSON'),
  refused('error-object', 'JSON that is no request', [1], 'inference request'),
  refused('error-no-inputs', 'a request without its inputs', { inputs: [] }, 'missing "x"'),
  refused('error-input-name', 'an input that the model does not have', { inputs: [x([1, 2], { name: 'z' })] }, '"z"'),
  refused('error-input-twice', 'an input given twice', { inputs: [x(), x()] }, 'twice'),
  refused(
    'error-datatype',
    'another datatype than the model’s',
    { inputs: [x([1, 2], { datatype: 'INT32' })] },
    'FP32',
  ),
  refused('error-datatype-unknown', 'a datatype that there is not', { inputs: [x([1, 2], { datatype: 'FP8' })] }, ''),
  refused('error-shape', 'a shape that does not fit the model', { inputs: [x([1, 2], { shape: [2, 1] })] }, '[-1,2]'),
  refused('error-shape-negative', 'a negative axis', { inputs: [x([1, 2], { shape: [-1, 2] })] }, ''),
  refused('error-elements', 'data of another length than its shape', { inputs: [x([1, 2, 3])] }, 'elements'),
  refused('error-no-data', 'an input without data', { inputs: [{ ...x(), data: undefined }] }, 'no data'),
  refused('error-output', 'an output that the model does not have', { inputs: [x()], outputs: [{ name: 'z' }] }, '"z"'),
  {
    id: 'error-early',
    source: ERROR,
    requirement: 'a failure before anything is read is a JSON error, too: another method, no key',
    check: async ({ send }) => {
      const path = `/v2/models/${ROWS}/infer`;
      const wrong = await send('GET', path);
      assertFailure(wrong, 405);
      assert.equal(wrong.headers.allow, 'POST');
      assertFailure(await send('POST', path, { anonymous: true, body: { inputs: [x()] } }), 401);
    },
  },
];
