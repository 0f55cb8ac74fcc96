import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { encodeInferRequest, type Tensor } from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { writeModels } from '../src/testing/lone-fixture.ts';
import { addModel } from '../src/testing/onnx-file.ts';

const gpuNode = fileURLToPath(new URL('..', import.meta.url));
const dist = join(gpuNode, 'dist');
const vector = (name: string, value: number): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [1],
  data: Float32Array.of(value),
});

it('the package has every program that its parts start, needs nothing of the workspace, and serves a model', async () => {
  execFileSync(process.execPath, [join(gpuNode, 'scripts/build.ts')]);
  const texts = readdirSync(dist)
    .filter((name) => name.endsWith('.js'))
    .map((name) => readFileSync(join(dist, name), 'utf8'));
  const programs = texts.flatMap((text) => [...text.matchAll(/new URL\("(\.[^"]+)", import\.meta\.url\)/g)]);
  expect(programs.length).toBeGreaterThanOrEqual(5);
  expect(programs.filter(([, path = '']) => !existsSync(join(dist, path)))).toEqual([]);
  const { dependencies } = JSON.parse(readFileSync(join(dist, 'package.json'), 'utf8'));
  const imported = texts.flatMap((text) => [...text.matchAll(/^import [^;]*?["']([^."'][^"']*)["'];/gms)]);
  const packages = imported.map(([, name = '']) => /^(@[^/]+\/)?[^/]+/.exec(name)?.[0] ?? '');
  const foreign = new Set(packages.filter((name) => !name.startsWith('node:')));
  expect([...foreign].filter((name) => dependencies[name] === undefined)).toEqual([]);
  expect(foreign.size).toBeGreaterThan(3);

  const root = await writeModels({ 'add/1/model.onnx': addModel() });
  const flags = ['--model-repository', root, '--port', '0', '--metrics-address', 'off', '--webgpu', 'off'];
  const node = spawn(process.execPath, [join(dist, 'bin/lepton-gpu-node.js'), ...flags], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    let url = '';
    for await (const line of createInterface(node.stdout)) {
      const { msg, url: at } = JSON.parse(line);
      url ||= at ?? '';
      if (msg === 'ready') break;
    }
    const body = encodeInferRequest({ inputs: [vector('a', 1), vector('b', 2)] });
    const answer = await fetch(`${url}/v2/models/add/infer`, { method: 'POST', body });
    expect(await answer.json()).toMatchObject({ outputs: [{ name: 'sum', data: [3] }] });
  } finally {
    node.kill('SIGTERM');
  }
  expect(await once(node, 'exit')).toEqual([0, null]);
});
