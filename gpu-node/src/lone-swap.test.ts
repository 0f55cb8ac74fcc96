import { once } from 'node:events';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { type IncomingMessage, request } from 'node:http';
import { join } from 'node:path';
import { decodeInferResponse, encodeInferRequest, type Tensor } from '@lepton-edge/protocol';
import { describe, expect, it, onTestFinished } from 'vitest';
import { addFiles, type LoneFixture, loneNode } from './testing/lone-fixture.ts';
import { addModel, denseModel } from './testing/onnx-file.ts';

/** Answers 1 for its first weight and 0 for the other, or the other way round: whichever is large. */
const model = (first: number) => denseModel(1, Float32Array.of(first, 50 - first));
const x: Tensor = { name: 'x', datatype: 'FP32', shape: [1, 1], data: Float32Array.of(1) };
const body = encodeInferRequest({ inputs: [x] });

/** What it answers, and which version that was. */
async function infer(node: LoneFixture, path = 'm'): Promise<[answer: number, version: string]> {
  const response = await node.post(`/v2/models/${path}/infer`, body);
  if (response.status !== 200) throw new Error(`${response.status}: ${await response.text()}`);
  const { outputs } = decodeInferResponse(new Uint8Array(await response.arrayBuffer()));
  return [Math.round(Number(outputs[0]?.data[0])), response.headers.get('x-lepton-model') ?? ''];
}

/** Callers that ask again and again until the test ends, and every answer or failure there was. */
function callers(node: LoneFixture, count: number) {
  const answers: string[] = [];
  const failures: string[] = [];
  let ended = false;
  const loops = Array.from({ length: count }, async () => {
    while (!ended) {
      await infer(node).then(
        ([, version]) => answers.push(version),
        (error: Error) => failures.push(error.message),
      );
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
  });
  const end = async () => {
    ended = true;
    await Promise.all(loops);
    return { answers, failures };
  };
  onTestFinished(async () => void (await end()));
  return end;
}

const load = async (node: LoneFixture, name = 'm') => (await node.post(`/v2/repository/models/${name}/load`)).status;

describe('another version of a model that is in use', () => {
  it('takes its place without a request that fails, 20 times, also as other files under the same number', async () => {
    const node = await loneNode({ 'm/1/model.onnx': model(50) }, '--max-models', '3');
    await node.ready();
    const end = callers(node, 3);
    let version = 1;
    for (let swap = 1; swap <= 20; swap++) {
      // Of three, one is a version of its own, and two go there and back between files.
      if (swap % 3 === 1) version++;
      const answer = swap % 2;
      const beside = join(node.root, 'next.onnx');
      await writeFile(beside, model(answer * 50));
      await mkdir(join(node.root, `m/${version}`), { recursive: true });
      await rename(beside, join(node.root, `m/${version}/model.onnx`));
      expect(await load(node)).toBe(200);
      expect(await infer(node)).toEqual([answer, `m@${version}`]);
    }
    const { answers, failures } = await end();
    expect(failures).toEqual([]);
    expect(new Set(answers).size).toBe(version);
  });

  it('answers who began to call before its files were replaced, and came to an end after', async () => {
    const node = await loneNode({ 'm/1/model.onnx': model(50) });
    await node.ready();
    const options = { method: 'POST', headers: { 'content-length': Buffer.byteLength(body) } };
    const slow = request(`${node.node.url}/v2/models/m/infer`, options);
    const answered = once(slow, 'response');
    slow.flushHeaders();
    // What came later on another connection has been answered.
    await infer(node);
    await addFiles(node.root, { 'm/1/model.onnx': model(0) });
    expect(await load(node)).toBe(200);
    slow.end(body);
    const [response] = (await answered) as [IncomingMessage];
    expect(response.statusCode).toBe(200);
    response.resume();
  });

  it('answers once it is ready, and never where it cannot be loaded', async () => {
    const node = await loneNode({ 'm/1/model.onnx': model(50) });
    await node.ready();
    await addFiles(node.root, { 'm/2/model.onnx': 'no model' });
    expect(await load(node)).toBe(503);
    expect(await infer(node)).toEqual([1, 'm@1']);
    await addFiles(node.root, { 'm/1/model.onnx': 'no model either' });
    expect((await node.post('/v2/repository/models/m/load', '{"parameters":{"version":1}}')).status).toBe(503);
    expect(await infer(node)).toEqual([1, 'm@1']);
    await addFiles(node.root, { 'm/2/model.onnx': model(0) });
    expect(await load(node)).toBe(200);
    expect(await infer(node)).toEqual([0, 'm@2']);
  });

  it('drives out what is idle before the one that answers', async () => {
    const files = { 'm/1/model.onnx': model(50), 'other/1/model.onnx': addModel() };
    const node = await loneNode(files, '--max-models', '2');
    await node.ready();
    // The longest unused is the one that answers.
    await node.get('/v2/models/other');
    await addFiles(node.root, { 'm/2/model.onnx': model(0) });
    expect(await load(node)).toBe(200);
    expect((await node.get('/v2/models/m@1/ready')).status).toBe(200);
    expect((await node.get('/v2/models/other/ready')).status).toBe(503);
  });

  it('comes after it where both do not fit, and says so', async () => {
    const node = await loneNode({ 'm/1/model.onnx': model(50) }, '--max-models', '1');
    await node.ready();
    await addFiles(node.root, { 'm/2/model.onnx': model(0) });
    expect(await load(node)).toBe(200);
    expect(await infer(node)).toEqual([0, 'm@2']);
    expect(node.logged.join('')).toContain('version swapped with a gap');
    await addFiles(node.root, { 'm/3/model.onnx': 'no model' });
    expect(await load(node)).toBe(503);
    expect(await infer(node)).toEqual([0, 'm@2']);
  });
});
