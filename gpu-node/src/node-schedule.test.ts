/** Whose turn it is on a node, over HTTP: deadlines, callers who leave, tenants. The model is real, and slow. */
import { request } from 'node:http';
import {
  encodeBinaryRequest,
  HEADER_LENGTH,
  PRIORITY_HEADER,
  TENANT_HEADER,
  type Tensor,
  TIMEOUT_HEADER,
} from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { loneNode } from './testing/lone-fixture.ts';
import { joinedNode } from './testing/node-fixture.ts';
import { matMulModel } from './testing/onnx-file.ts';

const SIZE = 256;
/** Runs of half a second, and of a tenth. */
const SLOW = matMulModel(600);
const LESS_SLOW = matMulModel(120);
const x: Tensor = { name: 'x', datatype: 'FP32', shape: [SIZE, SIZE], data: new Float32Array(SIZE * SIZE) };

const body = (parameters = {}) => encodeBinaryRequest({ inputs: [x], parameters });
const failure = async (response: Response) => ({ status: response.status, ...((await response.json()) as object) });

async function slowNode(...flags: string[]) {
  const node = await loneNode({ 'slow/1/model.onnx': SLOW }, ...flags);
  await node.ready();
  const url = `${node.node.url}/v2/models/slow/infer`;
  const infer = (headers: Record<string, string> = {}, parameters = {}) => {
    const { bytes, headerLength } = body(parameters);
    return fetch(url, { method: 'POST', body: bytes, headers: { [HEADER_LENGTH]: String(headerLength), ...headers } });
  };
  const figure = async (name: string) => {
    const text = await (await fetch(node.node.metricsUrl ?? '')).text();
    return Number(new RegExp(`^lepton_node_${name}(?:\\{.*\\})? (.*)$`, 'm').exec(text)?.[1]);
  };
  const until = async (name: string, value: number) => {
    while ((await figure(name)) !== value) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  /** One on the model's thread, and one at its door. */
  const busy = async () => {
    const running = [infer(), infer()];
    await until('requests_running', 2);
    return async () => (await Promise.all(running)).map(({ status }) => status);
  };
  return { ...node, url, infer, figure, until, busy };
}

it('drops what waits longer than its caller does, in a header or in a parameter, and runs the rest', async () => {
  const { infer, busy, figure, logged } = await slowNode();
  const first = await busy();
  const late = [infer({ [TIMEOUT_HEADER]: '20' }), infer({ [TIMEOUT_HEADER]: '60000' }, { timeout: 20_000 })];
  const answers = await Promise.all(late.map(async (each) => failure(await each)));
  const expected = { status: 504, code: 'deadline_exceeded', error: expect.stringContaining('the 20 ms in which') };
  expect(answers).toEqual([expect.objectContaining(expected), expect.objectContaining(expected)]);
  // No fault of the node's.
  expect(logged.filter((line) => line.includes('"level":40'))).toEqual([]);
  expect(await first()).toEqual([200, 200]);
  expect((await infer({ [TIMEOUT_HEADER]: '60000', [PRIORITY_HEADER]: '1' })).status).toBe(200);
  expect(await figure('run_duration_seconds_count')).toBe(3);
  expect(await failure(await infer({ [TIMEOUT_HEADER]: 'soon' }))).toMatchObject({
    status: 400,
    code: 'invalid_request',
  });
});

it('gives the place of a caller who left to others at once, while another one runs', async () => {
  const { url, infer, busy, until, figure } = await slowNode('--max-queue', '3');
  const first = await busy();
  const { bytes, headerLength } = body();
  const leaving = request(url, { method: 'POST', headers: { [HEADER_LENGTH]: headerLength } });
  leaving.on('error', () => undefined).end(bytes);
  await until('requests_queued', 1);
  expect(await failure(await infer())).toMatchObject({ status: 429, code: 'overloaded' });
  leaving.destroy();
  await until('requests_queued', 0);
  expect(await figure('requests_running')).toBeGreaterThan(0);
  expect(await first()).toEqual([200, 200]);
});

it('lets one tenant in, and has its turn come, while another floods the model', async () => {
  const { gateway, infer } = await joinedNode({ maxQueue: 8 });
  const shape = [-1, -1];
  const version = gateway.publish('slow', LESS_SLOW, {
    inputs: [{ name: 'x', datatype: 'FP32', shape }],
    outputs: [{ name: 'y', datatype: 'FP32', shape }],
  });
  const ended: string[] = [];
  const ask = async (tenant: string) => {
    const { bytes, headerLength } = body();
    const answer = await infer(version, bytes, { [HEADER_LENGTH]: String(headerLength), [TENANT_HEADER]: tenant });
    await answer.arrayBuffer();
    if (answer.status === 200) ended.push(tenant);
    return answer.status;
  };
  const flood = Array.from({ length: 12 }, () => ask('a'));
  // The first answer is a refusal: it has all of its places.
  expect(await Promise.race(flood)).toBe(429);
  expect(await ask('b')).toBe(200);
  await Promise.all(flood);
  expect(ended.indexOf('b')).toBeLessThan(ended.lastIndexOf('a'));
});
