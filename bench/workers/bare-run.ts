/**
 * The gateway with one route more: `POST /bare` of an FP32 input's bytes runs a model by `session.run` and nothing else, in the
 * isolate and the ONNX Runtime that the gateway uses. The model is the file that `x-bench-digest` names.
 */
import type { InferenceSession } from 'onnxruntime-web/wasm';
import { startOrt } from '../../worker/src/edge/ort.ts';
import type { Env } from '../../worker/src/env.ts';
import gateway from '../../worker/src/index.ts';

export * from '../../worker/src/index.ts';

interface Bare {
  session: InferenceSession;
  run(data: Float32Array): Promise<Uint8Array<ArrayBuffer>>;
}

let bare: Bare | undefined;

export default {
  ...gateway,
  async fetch(request, env, ctx) {
    if (!request.url.endsWith('/bare')) return await gateway.fetch(request, env, ctx);
    const input = new Float32Array(await request.arrayBuffer());
    bare ??= await load(env, request.headers.get('x-bench-digest') ?? '');
    return new Response(await bare.run(input), { headers: { 'content-type': 'application/octet-stream' } });
  },
} satisfies ExportedHandler<Env>;

async function load(env: Env, digest: string): Promise<Bare> {
  const found = await env.DB.prepare('SELECT key FROM artifacts WHERE digest = ?').bind(digest).first<string>('key');
  const object = found === null ? null : await env.BLOBS.get(found);
  if (!object) throw new Error(`no file ${digest}`);
  // Where the gateway has started it, it stays as it is.
  const { api } = await startOrt();
  const session = await api.InferenceSession.create(new Uint8Array(await object.arrayBuffer()), {
    executionProviders: ['wasm'],
    logSeverityLevel: 3,
  });
  const [input = ''] = session.inputNames;
  const [output = ''] = session.outputNames;
  return {
    session,
    async run(data) {
      const results = await session.run({ [input]: new api.Tensor('float32', data, [1, data.length]) }, [output]);
      const numbers = results[output]?.data as Float32Array<ArrayBuffer>;
      return new Uint8Array(numbers.buffer, numbers.byteOffset, numbers.byteLength);
    },
  };
}
