import { encodeBinaryRequest, HEADER_LENGTH } from '@lepton-edge/protocol';
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { matrixModel } from '../soak/support/matrix-model.ts';
import { call, client, freshName, newModel, newTeamKey, uploadReady } from './support/api.ts';
import { lookUpModel } from './support/onnx-models.ts';
import { tinyModel } from './support/tiny-model.ts';

/** Of a model whose runs take a while. */
const WIDTH = 256;

/** y = -x, so that an answer can be foreseen. */
async function newNegation(manifest = {}) {
  const owner = await newTeamKey('models:read', 'models:write', 'infer');
  const name = freshName('negation');
  await owner.client.models.create({ name });
  await uploadReady(owner.client, name, tinyModel(name), manifest);
  return {
    ...owner,
    name,
    infer: (body: unknown, headers = {}) =>
      call('POST', `/v2/models/${name}/infer`, { key: owner.secret, body, headers }),
  };
}

const x = (...data: number[]) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length], data }] });

describe('inference', () => {
  it('answers, says how, and answers the repeat from the cache in the same bytes', async () => {
    const { infer, name } = await newNegation();
    const first = await infer({ id: 'mine', ...x(1, -2.5) });
    expect(first.status).toBe(200);
    expect(first.body).toEqual({
      model_name: name,
      model_version: '1',
      id: 'mine',
      outputs: [{ name: 'y', datatype: 'FP32', shape: [2], data: [-1, 2.5] }],
    });
    const said = (answer: typeof first) =>
      ['model', 'placement', 'cache'].map((header) => answer.headers.get(`x-lepton-${header}`));
    expect(said(first)).toEqual([`${name}@1`, 'edge', 'miss']);
    expect(first.headers.get('x-lepton-digest')).toMatch(/^sha256:/);
    const again = await infer({ id: 'mine', ...x(1, -2.5) });
    expect(said(again)).toEqual([`${name}@1`, 'cache', 'hit']);
    expect(again.text).toBe(first.text);
    expect(said(await infer(x(1, -2.4)))).toEqual([`${name}@1`, 'edge', 'miss']);
  });

  it('shares nothing between teams', async () => {
    const name = freshName('shared');
    const owner = await newTeamKey('models:read', 'models:write', 'infer');
    await owner.client.models.create({ name, visibility: 'public' });
    await uploadReady(owner.client, name, tinyModel(name));
    const other = await newTeamKey('infer');
    const ask = (key: string) => call('POST', `/v2/models/${name}/infer`, { key, body: x(7) });
    expect((await ask(owner.secret)).headers.get('x-lepton-cache')).toBe('miss');
    expect((await ask(other.secret)).headers.get('x-lepton-cache')).toBe('miss');
    expect((await ask(other.secret)).headers.get('x-lepton-cache')).toBe('hit');
  });

  it('runs where it was asked to, past the cache, and both places agree', async () => {
    const { infer } = await newNegation();
    const answers = [];
    for (const place of ['edge', 'node', 'node']) answers.push(await infer(x(3, 4), { 'x-lepton-place': place }));
    answers.push(await infer({ ...x(3, 4), parameters: { placement: 'node' } }));
    expect(answers.map(({ headers }) => headers.get('x-lepton-cache'))).toEqual([
      'bypass',
      'bypass',
      'bypass',
      'bypass',
    ]);
    expect(answers.map(({ headers }) => headers.get('x-lepton-placement')?.split(':')[0])).toEqual([
      'edge',
      'node',
      'node',
      'node',
    ]);
    expect(new Set(answers.map(({ text }) => text)).size).toBe(1);
    expect(answers[2]?.headers.get('server-timing')).toMatch(/node;dur=/);
  });

  it('goes on where there is room when the inputs are too large for the edge', async () => {
    const { infer } = await newNegation();
    // 28 MB in and 28 MB out are more than ONNX Runtime's heap there holds beside itself.
    const count = 7_000_000;
    const large = `{"inputs":[{"name":"x","datatype":"FP32","shape":[${count}],"data":[${'1,'.repeat(count - 1)}1]}]}`;
    const refused = await infer(large, { 'x-lepton-place': 'edge', 'content-type': 'application/json' });
    expect(refused).toMatchObject({ status: 503, body: { code: 'no_placement' } });
    const moved = await infer(large, { 'content-type': 'application/json' });
    expect(moved.status).toBe(200);
    expect(moved.headers.get('x-lepton-placement')).toMatch(/^node:/);
    const small = await infer(x(5), { 'x-lepton-place': 'edge' });
    expect(small.body).toMatchObject({ outputs: [{ data: [-5] }] });
  });

  it('follows an alias when it moves, and never answers with the old version’s cached answer', async () => {
    const { client: own, name, secret } = await newNegation();
    await uploadReady(own, name, tinyModel(`${name}-second`), { cache: { ttlSeconds: 60 } });
    await own.aliases.put(name, 'production', { targets: [{ version: 1 }], reason: 'start' });
    const ask = async () => {
      const { headers } = await call('POST', `/v2/models/${name}/infer`, { key: secret, body: x(9) });
      return [headers.get('x-lepton-model'), headers.get('x-lepton-cache')];
    };
    expect(await ask()).toEqual([`${name}@1`, 'miss']);
    expect(await ask()).toEqual([`${name}@1`, 'hit']);
    await own.aliases.put(name, 'production', { targets: [{ version: 2 }], reason: 'move' });
    expect(await ask()).toEqual([`${name}@2`, 'miss']);
    expect(await ask()).toEqual([`${name}@2`, 'hit']);
  });

  it('splits traffic by weight and keeps a named caller where it is', async () => {
    const { client: own, name, secret } = await newNegation();
    await uploadReady(own, name, tinyModel(`${name}-canary`));
    const targets = [
      { version: 1, weight: 1 },
      { version: 2, weight: 1 },
    ];
    await own.aliases.put(name, 'canary', { targets, reason: 'half' });
    const ask = async (sticky: string) => {
      const answer = await call('POST', `/v2/models/${name}@canary/infer`, {
        key: secret,
        body: x(1),
        headers: { 'x-lepton-sticky': sticky },
      });
      return answer.headers.get('x-lepton-model');
    };
    const callers = Array.from({ length: 16 }, (_, i) => `caller-${i}`);
    const first = await Promise.all(callers.map(ask));
    expect(new Set(first).size).toBe(2);
    expect(await Promise.all(callers.map(ask))).toEqual(first);
  });

  it('takes references in every form', async () => {
    const { name, secret } = await newNegation();
    for (const path of [name, `${name}@1`, `${name}%401`, `${name}/versions/1`]) {
      expect((await call('POST', `/v2/models/${path}/infer`, { key: secret, body: x(1) })).status).toBe(200);
      expect((await call('GET', `/v2/models/${path}`, { key: secret })).body).toMatchObject({
        name,
        versions: ['1'],
        inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }],
      });
      expect((await call('GET', `/v2/models/${path}/ready`, { key: secret })).status).toBe(200);
    }
  });

  it('gives each of many callers at once their own answer', async () => {
    const { infer } = await newNegation();
    const answers = await Promise.all(Array.from({ length: 40 }, (_, i) => infer(x((i % 5) + 1, 0.5))));
    answers.forEach((answer, i) => {
      expect(answer.body.outputs).toMatchObject([{ data: [-(i % 5) - 1, -0.5] }]);
    });
  });
});

describe('many runs at once at the edge', () => {
  it('one that the model refuses fails alone, whoever it went together with', async () => {
    const { client: own, secret, name } = await newModel();
    await uploadReady(own, name, lookUpModel(name), { batching: { maxBatchSize: 16 }, placement: { policy: 'edge' } });
    const ask = (index: number) => {
      const body = { inputs: [{ name: 'x', datatype: 'INT64', shape: [1], data: [index] }] };
      return call('POST', `/v2/models/${name}/infer`, { key: secret, body, headers: { 'x-lepton-place': 'edge' } });
    };
    await ask(0);
    const answers = await Promise.all(Array.from({ length: 32 }, (_, i) => ask(i === 9 ? 99 : i % 3)));
    for (const [i, { status, body }] of answers.entries()) {
      const expected = i === 9 ? { code: 'inference_failed' } : { outputs: [{ data: [((i % 3) + 1) * 10] }] };
      expect([status, body]).toMatchObject([i === 9 ? 400 : 200, expected]);
    }
  });

  it('those whose callers leave keep nobody else waiting', async () => {
    const { infer, secret, name } = await newNegation();
    await infer(x(1), { 'x-lepton-place': 'edge' });
    const leave = Array.from({ length: 16 }, (_, i) => {
      const caller = new AbortController();
      const left = fetch(`${inject('gatewayUrl')}/v2/models/${name}/infer`, {
        method: 'POST',
        headers: { authorization: `Bearer ${secret}`, 'x-lepton-place': 'edge' },
        body: JSON.stringify(x(i, 0.25)),
        signal: caller.signal,
      }).catch(() => undefined);
      setTimeout(() => caller.abort(), i);
      return left;
    });
    const stay = Array.from({ length: 16 }, (_, i) => infer(x(i, 0.5), { 'x-lepton-place': 'edge' }));
    const [answers] = await Promise.all([Promise.all(stay), ...leave]);
    answers.forEach(({ body }, i) => {
      expect(body).toMatchObject({ outputs: [{ data: [-i, -0.5] }] });
    });
  });

  it('more than it takes on is 429, told when to come back', async () => {
    const { client: own, secret, name } = await newModel();
    await uploadReady(own, name, matrixModel(WIDTH, 2), { placement: { policy: 'edge' } });
    // Of 2 MiB each: eight fit into the isolate as bodies, four may wait as inputs, and a run takes long enough for all to come.
    const rows = 2048;
    const data = new Float32Array(rows * WIDTH).fill(0.5);
    const { bytes, headerLength } = encodeBinaryRequest({
      inputs: [{ name: 'x', datatype: 'FP32', shape: [rows, WIDTH], data }],
      outputs: [{ name: 'y', parameters: { binary_data: true } }],
    });
    const headers = { 'x-lepton-place': 'edge', [HEADER_LENGTH]: String(headerLength) };
    const ask = () => call('POST', `/v2/models/${name}/infer`, { key: secret, body: bytes, headers });
    const refused: Awaited<ReturnType<typeof ask>>[] = [];
    while (refused.length === 0) {
      const answers = await Promise.all(Array.from({ length: 7 }, ask));
      refused.push(...answers.filter(({ status }) => status !== 200));
    }
    for (const { status, headers: told, body } of refused) {
      expect([status, body]).toMatchObject([429, { code: 'overloaded' }]);
      // As long as what waits was measured to take, on this machine.
      expect(told.get('retry-after')).toMatch(/^[1-9]\d?$/);
      expect(body.error).toContain('runs waiting');
    }
    expect((await ask()).status).toBe(200);
  });
});

describe('what is refused', () => {
  let model: Awaited<ReturnType<typeof newNegation>>;
  beforeAll(async () => {
    model = await newNegation();
  });
  const input = (fields: object) => ({
    inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2], ...fields }],
  });

  it.each<[string, unknown, string, string]>([
    [
      'a wrong input name',
      input({ name: 'z' }),
      'invalid_tensor',
      'the model has no input "z": expected "x" FP32 [-1]',
    ],
    [
      'a wrong datatype',
      input({ datatype: 'INT32' }),
      'invalid_tensor',
      'input "x": expected FP32 [-1], got INT32 [2]',
    ],
    ['a wrong shape', input({ shape: [1, 2] }), 'invalid_tensor', 'input "x": expected FP32 [-1], got FP32 [1,2]'],
    ['too few elements', input({ data: [1] }), 'invalid_tensor', 'input "x": shape [2] needs 2 elements, got 1'],
    ['no inputs', { inputs: [] }, 'invalid_tensor', 'missing "x" FP32 [-1]'],
    ['an unknown output', { ...input({}), outputs: [{ name: 'q' }] }, 'invalid_tensor', 'the model has no output "q"'],
    ['broken JSON', '{"inputs": [', 'invalid_json', 'not valid JSON'],
    ['an empty body', '', 'invalid_json', 'expected a JSON body, got none'],
    ['another kind of JSON', { prompt: 'hi' }, 'invalid_request', 'inputs'],
    [
      'an unknown placement',
      { ...input({}), parameters: { placement: 'moon' } },
      'invalid_request',
      'expected "edge" or "node", got "moon"',
    ],
  ])('%s: 400', async (_what, body, code, sentence) => {
    const answer = await model.infer(body);
    expect(answer).toMatchObject({ status: 400, body: { code } });
    expect(answer.body.error).toContain(sentence);
  });

  it('an input that the model itself refuses: 400 with the runtime’s sentence', async () => {
    const beyond = { name: 'input_ids', datatype: 'INT64', shape: [1, 1], data: [999_999] };
    for (const place of ['edge', 'node']) {
      const headers = { 'x-lepton-place': place };
      const answer = await call('POST', '/v2/models/use-lite-int8/infer', { body: { inputs: [beyond] }, headers });
      expect(answer).toMatchObject({ status: 400, body: { code: 'inference_failed' } });
      expect(answer.body.error).toMatch(/the model refused its inputs: .*indices/);
    }
  });

  it('no key, a wrong key, a key without the scope', async () => {
    const path = `/v2/models/${model.name}/infer`;
    const weak = await newTeamKey('ops');
    expect((await call('POST', path, { key: null, body: x(1) })).status).toBe(401);
    expect((await call('POST', path, { key: 'lep_wrong', body: x(1) })).status).toBe(401);
    const answer = await call('POST', path, { key: weak.secret, body: x(1) });
    expect(answer).toMatchObject({ status: 403, body: { code: 'missing_scope' } });
    expect(typeof answer.body.error).toBe('string');
  });

  it.each([
    ['nobody', 'model_not_found', 'no model is named "nobody"'],
    ['No Body', 'model_not_found', 'no model can be named'],
    ['digits@99', 'version_not_found', 'has no version 99: the newest is 1'],
    ['digits@nowhere', 'alias_not_found', 'has no alias "nowhere": it has production'],
    ['digits@latest', 'model_not_found', 'names no version and no alias'],
    ['digits/versions/0', 'version_not_found', 'expected 1, 2, 3'],
  ])('an unknown reference %s: 404', async (ref, code, sentence) => {
    const answer = await call('POST', `/v2/models/${ref}/infer`, { body: x(1) });
    expect(answer).toMatchObject({ status: 404, body: { code } });
    expect(answer.body.error).toContain(sentence);
  });

  it('a reference and a version in one path: 400', async () => {
    const answer = await call('POST', '/v2/models/digits@1/versions/1/infer', { body: x(1) });
    expect(answer).toMatchObject({ status: 400, body: { code: 'invalid_request' } });
  });

  it('a hidden model, in the words of one that is not there', async () => {
    const other = await newTeamKey('infer');
    const answer = await call('POST', `/v2/models/${model.name}/infer`, { key: other.secret, body: x(1) });
    expect(answer).toMatchObject({ status: 404, body: { error: `no model is named "${model.name}"` } });
  });

  it('a body over the limit: 413, declared or not', async () => {
    const large = new Uint8Array(16 * 1024 * 1024 + 1);
    const declared = await call('POST', `/v2/models/${model.name}/infer`, { key: model.secret, body: large });
    expect(declared).toMatchObject({ status: 413, body: { code: 'body_too_large' } });
    const chunked = await fetch(`${inject('gatewayUrl')}/v2/models/${model.name}/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${model.secret}` },
      body: new Blob([large]).stream(),
      duplex: 'half',
    } as RequestInit);
    expect(chunked.status).toBe(413);
    expect((await model.infer(x(1))).status).toBe(200);
  });

  it('a wrong method and an unknown path, in the protocol’s own error shape', async () => {
    const wrong = await call('DELETE', `/v2/models/${model.name}/infer`);
    expect(wrong.status).toBe(405);
    expect(wrong.headers.get('allow')).toBe('POST');
    const unknown = await call('GET', '/v2/nothing');
    expect(unknown).toMatchObject({ status: 404, body: { error: 'nothing is at /v2/nothing' } });
    const openai = await call('GET', '/v1/nothing');
    expect(openai).toMatchObject({
      status: 404,
      body: { error: { type: 'invalid_request_error', code: 'path_not_found' } },
    });
  });

  it('a placement that the policy does not allow', async () => {
    const { infer } = await newNegation({ placement: { policy: 'node' } });
    const answer = await infer(x(1), { 'x-lepton-place': 'edge' });
    expect(answer).toMatchObject({ status: 400, body: { code: 'placement_not_allowed' } });
    expect((await infer(x(1))).headers.get('x-lepton-placement')).toMatch(/^node:/);
  });

  it('a region without a node: 503, and not ready', async () => {
    const { infer, name, secret } = await newNegation({ placement: { policy: 'node', regions: ['mars'] } });
    const answer = await infer(x(1));
    expect(answer).toMatchObject({ status: 503, body: { code: 'no_placement' } });
    expect(answer.headers.get('retry-after')).toBeTruthy();
    expect((await call('GET', `/v2/models/${name}/ready`, { key: secret })).status).toBe(503);
  });
});

describe('nodes', () => {
  it('are listed with what they do', async () => {
    const { items } = await client().nodes.list();
    expect(items.find(({ name }) => name === 'local-1')).toMatchObject({ state: 'ready' });
    expect((await call('GET', '/api/nodes', { key: (await newTeamKey('infer')).secret })).status).toBe(403);
  });

  it('cannot join without a good token, nor at an address that is not theirs', async () => {
    const publicKey = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) };
    const join = (token: string, url: string) =>
      call('POST', '/api/nodes/join', { key: null, body: { token, name: 'impostor', url, publicKey } });
    expect(await join('lnt_wrong', 'http://127.0.0.1:9')).toMatchObject({
      status: 401,
      body: { code: 'unauthenticated' },
    });
    const { token } = await client().nodes.createToken();
    const closed = await join(token, 'http://127.0.0.1:9');
    expect(closed).toMatchObject({ status: 422, body: { code: 'node_unverified' } });
    const names = async () => (await client().nodes.list()).items.map(({ name }) => name);
    const node = (await client().nodes.list()).items.find(({ name }) => name === 'local-1');
    const stolen = await join(token, node?.url ?? '');
    expect(stolen).toMatchObject({ status: 422, body: { code: 'node_unverified' } });
    expect(stolen.body.detail).toContain('another key');
    expect(await names()).not.toContain('impostor');
  });

  it('answer only the gateway', async () => {
    const node = (await client().nodes.list()).items.find(({ name }) => name === 'local-1');
    const response = await fetch(`${node?.url}/v2/models/digits/versions/1/infer`, {
      method: 'POST',
      headers: { authorization: `Bearer ${inject('adminKey')}` },
      body: JSON.stringify(x(1)),
    });
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: expect.any(String), code: 'unauthenticated' });
  });
});
