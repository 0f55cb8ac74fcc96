import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { isGpuFault, sentenceOf } from '../onnx-runtime/describe.ts';
import { deviceName, probeCuda } from './cuda.ts';
import { loadOnGpu } from './engine.ts';

let dir: string;
beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'ort-cuda-'));
});
afterAll(() => rm(dir, { recursive: true }));

it('asks for room on the GPU before the model goes there', async () => {
  const [path, thread] = [join(dir, 'model.onnx'), join(dir, 'thread.mjs')];
  await writeFile(path, new Uint8Array(1234));
  await writeFile(
    thread,
    `import { parentPort, workerData } from 'node:worker_threads';
     parentPort.postMessage({ kind: 'ready', inputs: [workerData.executionProvider], outputs: [] });
     parentPort.on('message', () => parentPort.close());`,
  );
  const asked: number[] = [];
  const source = { label: 'test@1', format: 'onnx', path } as const;
  const full = async () => Promise.reject(new Error('no room'));
  await expect(loadOnGpu({ ...source, makeRoomOnGpu: full }, new URL('file:///nowhere'))).rejects.toThrow('no room');
  const makeRoomOnGpu = async (bytes: number) => void asked.push(bytes);
  const instance = await loadOnGpu({ ...source, makeRoomOnGpu }, new URL(`file://${thread}`));
  expect({ asked, onGpu: instance.onGpu, inputs: instance.inputs }).toEqual({
    asked: [1234],
    onGpu: true,
    inputs: ['cuda'],
  });
  await instance.unload();
});

it('says how it ended when the process that tries CUDA tells nothing', async () => {
  const tried = probeCuda({ NODE_OPTIONS: '--no-such-option' });
  await expect(tried).rejects.toThrow(
    /^CUDA cannot be used \(the process that tried it ended with status 9\): expected/,
  );
});

it('calls the GPU what the driver calls it, unless there are several models', async () => {
  expect(await deviceName(join(dir, 'none'))).toBe('CUDA device 0');
  const add = async (at: string, model: string) => {
    await mkdir(join(dir, 'gpus', at), { recursive: true });
    await writeFile(join(dir, 'gpus', at, 'information'), `Model: \t\t ${model}\nIRQ:   \t\t 30\n`);
  };
  await add('0000:01:00.0', 'NVIDIA L4');
  await add('0000:02:00.0', 'NVIDIA L4');
  expect(await deviceName(join(dir, 'gpus'))).toBe('NVIDIA L4');
  await add('0000:03:00.0', 'NVIDIA T4');
  expect(await deviceName(join(dir, 'gpus'))).toBe('CUDA device 0');
});

describe('what CUDA fails with', () => {
  const fault = 'CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; hostname=gpu-7 ; file=/src/a.cc';

  it('is told from an input that is refused', () => {
    expect(isGpuFault(`Non-zero status code returned: ${fault}`)).toBe(true);
    expect(isGpuFault('Got invalid dimensions for input: cuda for the following indices')).toBe(false);
  });

  it('is told without the name of the host', () => {
    expect(sentenceOf(new Error(fault), '/m')).toBe(
      'CUDA failure 700: an illegal memory access was encountered ; GPU=0 ; file=/src/a.cc',
    );
  });
});
