import { describe, expect, it } from 'vitest';
import { DATATYPES } from '../tensor/datatype.ts';
import { configDatatype, ModelConfig, modelConfig } from './extensions.ts';

const spec = (name: string, shape: number[]) => ({ name, datatype: 'FP32' as const, shape });

describe('modelConfig', () => {
  it('tells whole shapes where nothing is said of batches', () => {
    const config = modelConfig('m', { inputs: [spec('x', [-1, 3])], outputs: [spec('y', [-1])] });
    expect(ModelConfig.parse(config)).toEqual({
      name: 'm',
      platform: 'onnxruntime_onnx',
      backend: 'onnxruntime',
      version_policy: { all: {} },
      max_batch_size: 0,
      input: [{ name: 'x', data_type: 'TYPE_FP32', dims: [-1, 3] }],
      output: [{ name: 'y', data_type: 'TYPE_FP32', dims: [-1] }],
    });
  });

  it('leaves the batch axis out of the shapes where batches are stated, and only there', () => {
    const batching = { maxBatchSize: 8, maxDelayMs: 0 };
    const free = { inputs: [spec('x', [-1, 3])], outputs: [spec('y', [-1])], batching };
    expect(modelConfig('m', free)).toMatchObject({ max_batch_size: 8, input: [{ dims: [3] }], output: [{ dims: [] }] });
    expect(modelConfig('m', { ...free, outputs: [spec('y', [3])] })).toMatchObject({ max_batch_size: 0 });
    expect(modelConfig('m', { ...free, outputs: [spec('y', [])] })).toMatchObject({ max_batch_size: 0 });
    const axes = { ...batching, axes: { x: 1, y: 0 } };
    expect(modelConfig('m', { ...free, batching: axes })).toMatchObject({
      max_batch_size: 0,
      input: [{ dims: [-1, 3] }],
    });
  });

  it('names every datatype as Triton does', () => {
    expect(DATATYPES.map(configDatatype)).toEqual([
      'TYPE_BOOL',
      'TYPE_UINT8',
      'TYPE_UINT16',
      'TYPE_UINT32',
      'TYPE_UINT64',
      'TYPE_INT8',
      'TYPE_INT16',
      'TYPE_INT32',
      'TYPE_INT64',
      'TYPE_FP16',
      'TYPE_FP32',
      'TYPE_FP64',
      'TYPE_BF16',
      'TYPE_STRING',
    ]);
  });
});
