import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Datatype, decodeInferRequest, encodeInferResponse, type Tensor } from '@lepton-edge/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addModel, identityModel } from '../../testing/onnx-file.ts';
import { startInstance } from '../onnx-runtime/thread/instance.ts';
import { CpuModel } from './model.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ort-cpu-'));
});
afterAll(() => rm(dir, { recursive: true }));

async function start(bytes: Uint8Array, workerUrl?: URL) {
  const path = join(dir, `${crypto.randomUUID()}.onnx`);
  await writeFile(path, bytes);
  return await startInstance({ label: 'test@1', format: 'onnx', path }, { executionProvider: 'cpu', workerUrl });
}

async function threadThat(code: string): Promise<URL> {
  const path = join(dir, `${crypto.randomUUID()}.mjs`);
  await writeFile(path, `import { parentPort } from 'node:worker_threads';\n${code}`);
  return new URL(`file://${path}`);
}

const roomForOne = { free: 1, book: (copies: number) => Math.min(copies, 1) };

const fp32 = (name: string, values: number[]): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [values.length],
  data: Float32Array.from(values),
});

const CASES: [Datatype, string][] = [
  ['BOOL', '[true,false]'],
  ['UINT8', '[0,255]'],
  ['UINT16', '[0,65535]'],
  ['UINT32', '[0,4294967295]'],
  ['UINT64', '[0,18446744073709551615]'],
  ['INT8', '[-128,127]'],
  ['INT16', '[-32768,32767]'],
  ['INT32', '[-2147483648,2147483647]'],
  ['INT64', '[-9223372036854775808,9223372036854775807]'],
  ['FP16', '[0.5,"-Infinity"]'],
  ['FP32', '[1.5,"NaN"]'],
  ['FP64', '[1e-300,-2]'],
  ['BYTES', '["ä😀",""]'],
];

describe('a model on a thread', () => {
  it.each(CASES)('hands %s through unchanged', async (datatype, data) => {
    const instance = await start(identityModel(datatype));
    expect(instance.inputs).toMatchObject([{ name: 'x', datatype }]);
    const body = `{"inputs":[{"name":"x","datatype":"${datatype}","shape":[2],"data":${data}}]}`;
    const { inputs } = decodeInferRequest(new TextEncoder().encode(body));
    const { outputs, runMs } = await instance.run({ inputs, outputs: ['y'] });
    expect(encodeInferResponse({ modelName: 'm', outputs })).toContain(
      `"name":"y","datatype":"${datatype}","shape":[2],"data":${data}`,
    );
    expect(runMs).toBeGreaterThanOrEqual(0);
    await instance.unload();
  });

  it('says at load that BF16 does not run here', async () => {
    await expect(start(identityModel('BF16'))).rejects.toMatchObject({ failure: 'unsupported' });
  });

  it('says at load what is no model, without the path', async () => {
    const failed = start(Buffer.from('not a model'));
    await expect(failed).rejects.toMatchObject({ failure: 'unsupported', message: expect.not.stringContaining(dir) });
  });

  it('moves buffers that inputs share', async () => {
    const instance = await start(addModel());
    const shared = Float32Array.of(1, 2, 10, 20);
    const inputs: Tensor[] = [
      { name: 'a', datatype: 'FP32', shape: [2], data: shared.subarray(0, 2) },
      { name: 'b', datatype: 'FP32', shape: [2], data: shared.subarray(2) },
    ];
    const { outputs } = await instance.run({ inputs, outputs: ['sum'] });
    expect(outputs[0]?.data).toEqual(Float32Array.of(11, 22));
    expect(shared.byteLength).toBe(0);
    await instance.unload();
  });

  it('goes on after an input that the model refuses', async () => {
    const instance = await start(addModel());
    const refused = instance.run({ inputs: [fp32('a', [1, 2]), fp32('b', [1, 2, 3])], outputs: ['sum'] });
    await expect(refused).rejects.toMatchObject({ failure: 'refused', message: expect.stringContaining('Add') });
    const { outputs } = await instance.run({ inputs: [fp32('a', [1]), fp32('b', [2])], outputs: ['sum'] });
    expect(outputs[0]?.data).toEqual(Float32Array.of(3));
    await instance.unload();
  });

  it('refuses text with a zero byte, which would be cut', async () => {
    const instance = await start(identityModel('BYTES'));
    const inputs: Tensor[] = [{ name: 'x', datatype: 'BYTES', shape: [1], data: [Uint8Array.of(97, 0, 98)] }];
    await expect(instance.run({ inputs, outputs: ['y'] })).rejects.toMatchObject({ failure: 'refused' });
    await instance.unload();
  });

  it('finishes the runs under way before it unloads', async () => {
    const instance = await start(addModel());
    const runs = [1, 2, 3].map((n) => instance.run({ inputs: [fp32('a', [n]), fp32('b', [n])], outputs: ['sum'] }));
    await instance.unload();
    expect((await Promise.all(runs)).map(({ outputs }) => outputs[0]?.data[0])).toEqual([2, 4, 6]);
  });

  it('fails the runs on a thread that dies, and says that it is lost', async () => {
    const worker = await threadThat(`
      parentPort.postMessage({ kind: 'ready', inputs: [], outputs: [] });
      parentPort.on('message', () => { throw new Error('broken'); });`);
    const instance = await start(addModel(), worker);
    const run = instance.run({ inputs: [fp32('a', [1])], outputs: ['sum'] });
    await expect(run).rejects.toMatchObject({ failure: 'lost' });
    expect(await instance.lost).toMatchObject({ failure: 'lost' });
    await expect(instance.run({ inputs: [], outputs: ['sum'] })).rejects.toMatchObject({ failure: 'lost' });
    await instance.unload();
  });

  it('has as many copies as were asked for and fit, and answers as with one', async () => {
    const path = join(dir, 'copies.onnx');
    await writeFile(path, addModel());
    const options = { threads: 2, instances: 3, cores: 2 };
    const model = await CpuModel.load({ label: 'test@1', format: 'onnx', path }, options);
    expect([model.parallel, model.concurrency]).toEqual([1, 2]);
    expect(await model.tune(undefined, roomForOne)).toEqual({ threads: 2, copies: 2 });
    expect([model.parallel, model.concurrency]).toEqual([2, 4]);
    const runs = [1, 2, 3, 4].map((n) => model.run({ inputs: [fp32('a', [n]), fp32('b', [n])], outputs: ['sum'] }));
    expect((await Promise.all(runs)).map(({ outputs }) => outputs[0]?.data[0])).toEqual([2, 4, 6, 8]);
    await model.unload();
  });

  it('goes on without a copy that dies, whose own runs alone fail', async () => {
    const worker = await threadThat(`
      parentPort.postMessage({ kind: 'ready', inputs: [], outputs: [] });
      parentPort.on('message', ({ kind, id, outputs }) => {
        if (kind === 'close') parentPort.close();
        else if (outputs[0] === 'die') throw new Error('broken');
        else setTimeout(() => parentPort.postMessage({ kind: 'result', id, outputs: [], runMs: 1 }), 20);
      });`);
    const options = { threads: 1, instances: 2, cores: 2 };
    const model = await CpuModel.load({ label: 'test@1', format: 'onnx', path: 'none' }, options, worker);
    await model.tune(undefined, roomForOne);
    const run = (output: string) => model.run({ inputs: [], outputs: [output] });
    const [died, other] = await Promise.allSettled([run('die'), run('y')]);
    expect([died.status, other.status]).toEqual(['rejected', 'fulfilled']);
    await expect.poll(() => model.parallel).toBe(1);
    expect(await run('y')).toMatchObject({ runMs: 1 });
    await expect(run('die')).rejects.toMatchObject({ failure: 'lost' });
    expect(await model.lost).toMatchObject({ failure: 'lost' });
    await expect(run('y')).rejects.toMatchObject({ failure: 'lost' });
    await model.unload();
  });

  it('leaves no thread behind where the first dies while others are tried', async () => {
    const ended = join(dir, 'ended');
    // Slow on one thread, and then dead; fast on several.
    const worker = await threadThat(`
      import { workerData } from 'node:worker_threads';
      import { appendFileSync, existsSync } from 'node:fs';
      import { setTimeout } from 'node:timers/promises';
      const ENDED = ${JSON.stringify(ended)};
      const { threads } = workerData;
      process.on('exit', () => appendFileSync(ENDED, String(threads)));
      while (threads > 1 && !existsSync(ENDED)) await setTimeout(20);
      let runs = 0;
      parentPort.postMessage({ kind: 'ready', inputs: [], outputs: [] });
      parentPort.on('message', ({ kind, id }) => {
        if (kind === 'close') return parentPort.close();
        parentPort.postMessage({ kind: 'result', id, outputs: [], runMs: threads === 1 ? 50 : 5 });
        if (threads === 1 && ++runs === 3) throw new Error('broken');
      });`);
    const options = { threads: 'auto', instances: 1, cores: 4 } as const;
    const model = await CpuModel.load({ label: 'test@1', format: 'onnx', path: 'none' }, options, worker);
    const sample = () => ({ inputs: [], outputs: [] });
    await expect(model.tune(sample, roomForOne)).rejects.toMatchObject({ failure: 'lost' });
    expect(await readFile(ended, 'utf8')).toBe('13');
  });

  it('fails a load whose thread dies', async () => {
    await expect(start(addModel(), await threadThat('process.exit(3)'))).rejects.toMatchObject({ failure: 'lost' });
  });
});
