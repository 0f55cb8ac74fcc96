/** The server that one would write first: Hono, ONNX Runtime, one run a request. `node bench/naive-server.ts MODEL_PATH` */
import { serve } from '@hono/node-server';
import { decodeInferBody, encodeInferAnswer, HEADER_LENGTH } from '@lepton-edge/protocol';
import { Hono } from 'hono';
import { feedsOf, openSession } from './naive-session.ts';

const session = await openSession(process.argv[2] ?? '');
const app = new Hono();

app.post('/v2/models/:model/infer', async (c) => {
  const request = decodeInferBody(new Uint8Array(await c.req.arrayBuffer()), c.req.header(HEADER_LENGTH));
  const names = request.outputs?.map(({ name }) => name) ?? [...session.outputNames];
  const results = await session.run(feedsOf(request.inputs), names);
  const outputs = names.map((name) => {
    const { dims, data } = results[name] as { dims: readonly number[]; data: Float32Array<ArrayBuffer> };
    return { name, datatype: 'FP32' as const, shape: [...dims], data };
  });
  const answer = encodeInferAnswer(request, { modelName: c.req.param('model'), outputs });
  return c.body(answer.body as Uint8Array<ArrayBuffer>, 200, {
    'content-type': answer.contentType,
    [HEADER_LENGTH]: String(answer.headerLength),
  });
});

serve({ fetch: app.fetch, hostname: '127.0.0.1', port: 0 }, ({ port }) => {
  process.stdout.write(`listening http://127.0.0.1:${port}\n`);
});
