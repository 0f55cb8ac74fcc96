/** The command line over a directory of models, as people start it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { decodeInferResponse, encodeInferRequest } from '@lepton-edge/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { writeModels } from './testing/lone-fixture.ts';
import { addModel, determinantModel, identityModel, matMulModel } from './testing/onnx-file.ts';
import { NO_ADAPTER, swiftShaderEnv } from './testing/swiftshader.ts';

const COMMAND = fileURLToPath(new URL('../bin/lepton-gpu-node.js', import.meta.url));

function start(args: string[], env: Record<string, string> = {}) {
  const child = spawn(process.execPath, [COMMAND, '--metrics-address', '127.0.0.1:0', ...args], {
    env: { PATH: '', LEPTON_NODE_WEBGPU: 'off', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let output = '';
  const watchers = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => {
      output += chunk;
      for (const watcher of watchers) watcher();
    });
  }
  const exited = once(child, 'exit').then(([code, signal]) => ({ code, signal }));
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await exited;
  });
  /** The first line logged with this message. */
  const logged = (message: string) =>
    new Promise<Record<string, unknown>>((resolve) => {
      const look = () => {
        const line = output.split('\n').find((each) => each.includes(`"msg":"${message}"`));
        if (line !== undefined) resolve(JSON.parse(line));
      };
      watchers.add(look);
      look();
    });
  return { child, exited, logged, output: () => output };
}

/** Ids of processes, on Linux. */
async function childrenOf(pid: number | undefined): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.trim().split(' ').map(Number);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}

describe('lepton-gpu-node --model-repository', () => {
  it('serves who has a key, shows its metrics, and ends with 0', async () => {
    const root = await writeModels({ 'add/1/model.onnx': addModel(), keys: 'secret-1\n' });
    const { child, exited, logged, output } = start([
      '--model-repository',
      root,
      '--key-file',
      join(root, 'keys'),
      '--port',
      '0',
    ]);
    expect(await logged('ready')).toMatchObject({ loaded: ['add@1'] });
    const { url, metrics } = await logged('listening');
    const vector = (name: string, data: Float32Array<ArrayBuffer>) => ({
      name,
      datatype: 'FP32' as const,
      shape: [2],
      data,
    });
    const body = encodeInferRequest({
      inputs: [vector('a', Float32Array.of(1, 2)), vector('b', Float32Array.of(3, 4))],
    });
    const infer = (headers: Record<string, string>) =>
      fetch(`${url}/v2/models/add/infer`, { method: 'POST', body, headers });
    expect((await infer({})).status).toBe(401);
    const answer = await infer({ authorization: 'Bearer secret-1' });
    const { outputs } = decodeInferResponse(new Uint8Array(await answer.arrayBuffer()));
    expect(outputs).toEqual([vector('sum', Float32Array.of(4, 6))]);
    expect(await (await fetch(String(metrics))).text()).toContain('outcome="success"} 1\n');
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
    expect(output()).not.toContain('secret-1');
  });

  it('runs what it can on a WebGPU adapter, and the rest on the CPU', async () => {
    const files = { 'add/1/model.onnx': addModel(), 'det/1/model.onnx': determinantModel() };
    const root = await writeModels({ ...files, 'text/1/model.onnx': identityModel('BYTES') });
    const args = ['--model-repository', root, '--port', '0', '--webgpu', 'on'];
    const { child, exited, logged, output } = start(args, await swiftShaderEnv());
    expect(await logged('ready')).toMatchObject({ loaded: ['add@1', 'det@1', 'text@1'] });
    const { url, metrics, engines } = await logged('listening');
    expect(engines).toMatchObject([{ name: 'ort-webgpu', adapter: { software: true } }, { name: 'ort-cpu' }]);
    const x = { name: 'x', datatype: 'FP32', shape: [2, 2], data: [1, 2, 3, 4] };
    const body = JSON.stringify({ inputs: [x] });
    const answer = await fetch(`${url}/v2/models/det/infer`, { method: 'POST', body });
    const { outputs } = decodeInferResponse(new Uint8Array(await answer.arrayBuffer()));
    expect(outputs[0]?.data[0]).toBeCloseTo(4, 4);
    const text = await (await fetch(String(metrics))).text();
    expect(text).toMatch(/lepton_node_engine_info\{engine="ort-webgpu",device="SwiftShader[^"]*",software="true"\} 1/);
    expect(text).toContain('lepton_node_model_cpu_nodes{model="add",version="1"} 0\n');
    expect(text).toContain('lepton_node_model_cpu_nodes{model="det",version="1"} 1\n');
    expect(text).not.toContain('lepton_node_model_cpu_nodes{model="text"');
    expect(output()).toContain('"cpuOperators":{"Det":1}');
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 0, signal: null });
  });

  it('takes the process of the adapter along when it is stopped during a run', async () => {
    const root = await writeModels({ 'long/1/model.onnx': matMulModel(200) });
    const args = ['--model-repository', root, '--port', '0', '--webgpu', 'on', '--drain-seconds', '1'];
    const { child, exited, logged } = start(args, await swiftShaderEnv());
    await logged('ready');
    const { url, metrics } = await logged('listening');
    const x = { name: 'x', datatype: 'FP32' as const, shape: [512, 512], data: new Float32Array(512 * 512) };
    const infer = fetch(`${url}/v2/models/long/infer`, { method: 'POST', body: encodeInferRequest({ inputs: [x] }) });
    infer.catch(() => undefined);
    const running = async () => (await (await fetch(String(metrics))).text()).includes('requests_running 1\n');
    while (!(await running())) await setTimeout(20);
    const adapters = await childrenOf(child.pid);
    expect(adapters).toHaveLength(1);
    child.kill('SIGTERM');
    expect(await exited).toEqual({ code: 3, signal: null });
    while (adapters.some(isAlive)) await setTimeout(20);
  });

  it('does not start without the adapter that it was told to use', async () => {
    const { exited, output } = start(['--model-repository', '.', '--webgpu', 'on'], NO_ADAPTER);
    expect(await exited).toEqual({ code: 1, signal: null });
    expect(output()).toContain('--webgpu on: WebGPU finds no adapter');
  });

  it('does not start without the CUDA that it was told to use', async () => {
    const env = { LEPTON_NODE_CUDA: 'on', CUDA_VISIBLE_DEVICES: '-1' };
    const { exited, output } = start(['--model-repository', '.'], env);
    expect(await exited).toEqual({ code: 1, signal: null });
    expect(output()).toContain('--cuda on: CUDA cannot be used (');
  });

  it.each([
    [['--model-repository', '/nowhere'], 1, 'ENOENT'],
    [['--model-repository', '.', '--host', '0.0.0.0'], 2, 'would let everybody in'],
    [['--model-repository', '.', '--gateway', 'http://127.0.0.1:1'], 2, 'exclude each other'],
    [['--model-repository', '.', '--key-file', '/nowhere'], 1, 'ENOENT'],
  ])('ends with a sentence on %j', async (args, code, part) => {
    const { exited, output } = start(args);
    expect(await exited).toEqual({ code, signal: null });
    expect(output()).toContain(part);
  });
});
