import { encodeInferRequest, type Tensor } from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { loneNode } from './testing/lone-fixture.ts';
import { addModel } from './testing/onnx-file.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const vector = (name: string): Tensor => ({ name, datatype: 'FP32', shape: [1], data: Float32Array.of(31337) });

it('every request has a line in the log, with the names by which the gateway knows it, and nothing of what was sent', async () => {
  const { post, get, ready, logged } = await loneNode({ 'add/1/model.onnx': addModel() }, '--access-log', 'on');
  await ready();
  const names = { 'x-request-id': 'req-1', traceparent: `00-${TRACE}-${PARENT}-01`, authorization: 'Bearer hidden' };
  await post('/v2/models/add/infer?secret=hidden', encodeInferRequest({ inputs: [vector('a'), vector('b')] }), names);
  await post('/v2/models/add/infer', '{"inputs":[31337]}', { traceparent: `00-${TRACE}-${'0'.repeat(16)}-01` });
  await get('/v2/health/live');
  const lines = logged.map((line) => JSON.parse(line)).filter(({ method }) => method !== undefined);
  expect(lines.filter(({ path }) => !path.startsWith('/v2/health/'))).toEqual([
    expect.objectContaining({
      level: 30,
      requestId: 'req-1',
      trace_id: TRACE,
      parent_span_id: PARENT,
      span_id: expect.stringMatching(/^[\da-f]{16}$/),
      method: 'POST',
      path: '/v2/models/add/infer',
      status: 200,
      ms: expect.any(Number),
      model: 'add@1',
    }),
    expect.objectContaining({ level: 30, status: 400, code: 'invalid_request', reason: expect.any(String) }),
  ]);
  expect(lines.at(-1)).toMatchObject({ level: 20, path: '/v2/health/live', status: 200 });
  expect(lines.filter((line) => line.trace_id !== undefined)).toHaveLength(1);
  expect(logged.join('')).not.toContain('hidden');
  expect(logged.join('')).not.toContain('31337');
});
