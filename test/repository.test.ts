/** Triton's extensions of the gateway: what it lists, how it would be configured, what it has done. */
import { ModelConfig, ModelStatistics, RepositoryIndex } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { call, newModel, newTeamKey, uploadReady } from './support/api.ts';
import { endlessModel } from './support/onnx-models.ts';
import { tinyModel } from './support/tiny-model.ts';

const ask = (value: unknown) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [value, 1] }] });

describe('the repository’s index', () => {
  it('tells the state of every version that the key may call, and of archived ones nothing', async () => {
    const { client: own, name, secret } = await newModel();
    for (const bytes of ['a', 'b']) await uploadReady(own, name, tinyModel(bytes));
    await own.versions.archive(name, 1, 'old');
    await own.versions.upload(name, endlessModel());
    const index = async (body?: unknown) => {
      const answer = await call('POST', '/v2/repository/index', { key: secret, body });
      expect(answer.status).toBe(200);
      return RepositoryIndex.parse(JSON.parse(answer.text)).filter((entry) => entry.name === name);
    };
    const ready = { name, version: '2', state: 'READY', reason: '' };
    expect(await index()).toEqual([ready, { name, version: '3', state: 'LOADING', reason: 'it is being tried' }]);
    expect(await index({ ready: true })).toEqual([ready]);
    const refused = await call('POST', '/v2/repository/index', { key: secret, body: { ready: 1 } });
    expect([refused.status, typeof refused.body.error]).toEqual([400, 'string']);
    const other = await newTeamKey('infer');
    expect((await call('POST', '/v2/repository/index', { key: other.secret })).text).not.toContain(name);
  });

  it('cannot be loaded from outside, and there is no memory to share', async () => {
    for (const path of [
      'repository/models/digits/load',
      'repository/models/digits/unload',
      'cudasharedmemory/status',
    ]) {
      const answer = await call('POST', `/v2/${path}`);
      expect([answer.status, answer.body.error]).toEqual([
        400,
        expect.stringMatching(/loads models by itself|send the data/),
      ]);
    }
  });
});

it('a model’s configuration names its tensors as Triton does', async () => {
  const answer = await call('GET', '/v2/models/silero-vad@1/config');
  expect(ModelConfig.parse(answer.body)).toMatchObject({
    name: 'silero-vad',
    platform: 'onnxruntime_onnx',
    input: expect.arrayContaining([{ name: 'sr', data_type: 'TYPE_INT64', dims: [] }]),
  });
});

describe('statistics', () => {
  it('count requests, runs, items and answers from the cache, version by version', async () => {
    const { client: own, name, secret } = await newModel();
    for (const bytes of ['a', 'b']) await uploadReady(own, name, tinyModel(bytes));
    const infer = (ref: string, body: unknown) => call('POST', `/v2/models/${ref}/infer`, { key: secret, body });
    for (const value of [1, 1, 2]) expect((await infer(`${name}@1`, ask(value))).status).toBe(200);
    expect((await infer(`${name}@2`, ask(3))).status).toBe(200);
    expect((await infer(`${name}@2`, ask('three'))).status).toBe(400);
    expect((await infer(`${name}@2`, { inputs: [] })).status).toBe(400);
    const of = async (path: string) =>
      ModelStatistics.parse((await call('GET', `/v2/models/${path}/stats`, { key: secret })).body).model_stats;
    const counts = ({
      version,
      inference_count,
      execution_count,
      inference_stats: stats,
    }: (typeof ModelStatistics)['_output']['model_stats'][number]) => ({
      version,
      items: inference_count,
      runs: execution_count,
      success: stats.success.count,
      fail: stats.fail.count,
      hit: stats.cache_hit.count,
      miss: stats.cache_miss.count,
    });
    const first = { version: '1', items: 4, runs: 2, success: 3, fail: 0, hit: 1, miss: 2 };
    // What is no request for a model at all is nothing of the model's.
    const second = { version: '2', items: 2, runs: 1, success: 1, fail: 1, hit: 0, miss: 1 };
    expect((await of(name)).map(counts)).toEqual([first, second]);
    expect((await of(`${name}@1`)).map(counts)).toEqual([first]);
    expect((await of(`${name}/versions/2`)).map(counts)).toEqual([second]);
    const [known] = await of(`${name}@1`);
    expect(Date.now() - (known?.last_inference ?? 0)).toBeLessThan(60_000);
  });
});
