/** What a node in a fleet answers besides inference: of what its gateway has had loaded. */
import {
  encodeInferRequest,
  ModelConfig,
  ModelMetadata,
  ModelStatistics,
  RepositoryIndex,
  type Tensor,
} from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { joinedNode } from './testing/node-fixture.ts';
import { identityModel } from './testing/onnx-file.ts';

const SIGNATURE = {
  inputs: [{ name: 'x', datatype: 'FP32' as const, shape: [-1] }],
  outputs: [{ name: 'y', datatype: 'FP32' as const, shape: [-1] }],
};
const x: Tensor = { name: 'x', datatype: 'FP32', shape: [1], data: Float32Array.of(1) };

describe('a node in a fleet', () => {
  it('describes and counts what is loaded, and loads nothing for others than its gateway', async () => {
    const { gateway, node, infer } = await joinedNode({ metricsAddress: { host: '127.0.0.1', port: 0, asked: true } });
    const headers = { authorization: `Bearer ${await gateway.sign()}` };
    const call = (path: string, method = 'GET') => fetch(`${node.url}/v2/${path}`, { method, headers });
    const failure = async (path: string, method?: string) => {
      const response = await call(path, method);
      return { status: response.status, ...((await response.json()) as { error: string }) };
    };
    expect(await failure('models/same')).toMatchObject({ status: 404, error: expect.stringContaining('delegated') });
    expect(RepositoryIndex.parse(await (await call('repository/index', 'POST')).json())).toEqual([]);

    const answered = await infer(
      gateway.publish('same', identityModel('FP32'), SIGNATURE),
      encodeInferRequest({ inputs: [x] }),
    );
    expect(answered.headers.get('x-lepton-model')).toBe('same@1');
    expect(ModelMetadata.parse(await (await call('models/same')).json())).toMatchObject({
      versions: ['1'],
      ...SIGNATURE,
    });
    expect((await call('models/same@1/ready')).status).toBe(200);
    expect(ModelConfig.parse(await (await call('models/same/config')).json())).toMatchObject({ name: 'same' });
    const { model_stats } = ModelStatistics.parse(await (await call('models/stats')).json());
    expect(model_stats).toMatchObject([
      { name: 'same', inference_count: 1, inference_stats: { success: { count: 1 } } },
    ]);
    expect(RepositoryIndex.parse(await (await call('repository/index', 'POST')).json())).toEqual([
      { name: 'same', version: '1', state: 'READY', reason: '' },
    ]);
    const metrics = await (await fetch(node.metricsUrl ?? '')).text();
    expect(metrics).toContain('lepton_node_models_loaded 1\n');
    expect(metrics).toMatch(/\nlepton_node_disk_bytes [1-9]\d*\n/);

    for (const verb of ['load', 'unload']) {
      const refused = await failure(`repository/models/same/${verb}`, 'POST');
      expect(refused).toMatchObject({ status: 400, error: expect.stringContaining('this node is in a fleet') });
    }
    expect(await failure('models/same@production')).toMatchObject({ status: 404, code: 'alias_not_found' });
    expect(await failure('systemsharedmemory/status')).toMatchObject({ status: 400 });
  });
});
