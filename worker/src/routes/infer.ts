/** `/v2`: the Open Inference Protocol. Plain handlers: nothing of the framework's comfort is paid for on this path. */
import {
  type ContentCoding,
  decodeInferBody,
  encodeInferAnswer,
  HEADER_LENGTH,
  type InferRequest,
  type ModelMetadata,
  type ServerMetadata,
  type Tensor,
} from '@lepton-edge/protocol';
import { Hono } from 'hono';
import type { Sent } from '../cache/repeats.ts';
import { answerHeaders, answerResponse } from '../http/answer-headers.ts';
import { type AppContext, type AppEnv, modelCallOf, waitUntilOf } from '../http/app-env.ts';
import { MAX_INFER_BODY_BYTES, withBody } from '../http/body.ts';
import { codingFor, compressed } from '../http/compress.ts';
import type { InferAnswer } from '../infer/infer.ts';
import { inferBytes } from '../infer/infer-bytes.ts';
import { checkReady } from '../infer/ready.ts';
import { Timings } from '../infer/timings.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { quota } from '../middleware/quota.ts';
import { listReady } from '../services/models/list-inferable.ts';
import { VERSION } from '../version.ts';
import { MODEL_PATHS, referenceOf } from './reference.ts';

/** Of the extensions that Triton names, those served here. */
const EXTENSIONS = ['binary_tensor_data', 'model_configuration', 'parameters', 'schedule_policy', 'statistics'];

export const inferRoutes = new Hono<AppEnv>();

inferRoutes.get('/v2/health/live', (c) => c.json({ live: true }));
inferRoutes.get('/v2/health/ready', async (c) => {
  await c.get('gateway').directory.checkReachable(waitUntilOf(c));
  return c.json({ ready: true });
});
inferRoutes.get('/v2', authenticate('infer'), (c) =>
  c.json<ServerMetadata>({ name: 'lepton-edge', version: VERSION, extensions: EXTENSIONS }),
);

for (const path of MODEL_PATHS) {
  inferRoutes.get(path, authenticate('infer', 'models:read'), async (c) => c.json(await metadata(c)));
  inferRoutes.get(`${path}/ready`, authenticate('infer', 'models:read'), async (c) => {
    const { version } = await checkReady(c.get('gateway'), referenceOf(c), c.get('principal'), waitUntilOf(c));
    return c.json({ name: version.model, version: String(version.version), ready: true });
  });
  inferRoutes.post(`${path}/infer`, authenticate('infer'), quota(), handleInfer);
}

async function handleInfer(c: AppContext): Promise<Response> {
  const gateway = c.get('gateway');
  const timings = new Timings();
  const ref = referenceOf(c);
  const headerLength = c.req.header(HEADER_LENGTH);
  const coding = codingFor(c.req.raw);
  return await withBody(c.req.raw, MAX_INFER_BODY_BYTES, gateway.bodies, async (bytes) => {
    const { sent, ageMs } = await inferBytes(gateway, {
      ...modelCallOf(c, ref, timings),
      bytes,
      format: headerLength === undefined ? coding : `${coding} ${headerLength}`,
      decode: () => decodeInferBody(bytes, headerLength),
      encode: (answer, request) => encode(answer, request, coding),
    });
    return answerResponse(c, sent, ageMs, timings);
  });
}

function encode(answer: InferAnswer, request: InferRequest, coding: ContentCoding): Sent | Promise<Sent> {
  const { version, outputs } = answer;
  const { contentType, headerLength, body } = encodeInferAnswer(request, {
    modelName: version.model,
    modelVersion: String(version.version),
    id: request.id,
    outputs: outputs as Tensor[],
  });
  const headers = answerHeaders(answer);
  headers['content-type'] = contentType;
  if (headerLength !== undefined) headers[HEADER_LENGTH] = String(headerLength);
  return compressed(body, headers, coding);
}

async function metadata(c: AppContext): Promise<ModelMetadata> {
  const gateway = c.get('gateway');
  const ref = referenceOf(c);
  const { model, version } = await gateway.directory.resolve(ref, c.get('principal'), gateway.random(), waitUntilOf(c));
  // A reference that names one version asks for that one; a name alone, for what can be named.
  const numbers = ref.version === undefined && ref.alias === undefined ? await listReady(gateway, model.id) : [];
  return {
    name: version.model,
    versions: (numbers.length > 0 ? numbers : [version.version]).map(String),
    platform: version.manifest.format === 'ort' ? 'onnxruntime_ort' : 'onnxruntime_onnx',
    inputs: version.manifest.inputs,
    outputs: version.manifest.outputs,
  };
}
