/** `/v1`: what clients of OpenAI's API call. Plain handlers, as on the other inference path. */
import {
  decodeEmbeddingRequest,
  encodeEmbeddingResponse,
  LeptonError,
  type OpenAiModel,
  type OpenAiModelList,
  parseReference,
} from '@lepton-edge/protocol';
import { Hono } from 'hono';
import { answerHeaders, answerResponse } from '../http/answer-headers.ts';
import { type AppContext, type AppEnv, modelCallOf, waitUntilOf } from '../http/app-env.ts';
import { MAX_INFER_BODY_BYTES, withBody } from '../http/body.ts';
import { type EmbedAnswer, embed } from '../infer/embed.ts';
import { Timings } from '../infer/timings.ts';
import type { Tracing } from '../infer/tracing.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { quota } from '../middleware/quota.ts';
import { type InferableModel, listInferable } from '../services/models/list-inferable.ts';

export const openAiRoutes = new Hono<AppEnv>();

openAiRoutes.get('/v1/models', authenticate('infer', 'models:read'), async (c) => {
  const models = await listInferable(c.get('gateway'), c.get('principal'));
  return c.json<OpenAiModelList>({ object: 'list', data: models.map((model) => toOpenAi(model.name, model)) });
});

openAiRoutes.get('/v1/models/:ref', authenticate('infer', 'models:read'), async (c) => {
  const id = c.req.param('ref');
  return c.json<OpenAiModel>(toOpenAi(id, await find(c, id)));
});

openAiRoutes.post('/v1/embeddings', authenticate('infer'), quota(), async (c) => {
  const gateway = c.get('gateway');
  const timings = new Timings();
  return await withBody(c.req.raw, MAX_INFER_BODY_BYTES, gateway.bodies, async (bytes) => {
    const { model, inputs, dimensions, encodingFormat } = decodeEmbeddingRequest(bytes);
    const answer = await embed(gateway, {
      ...modelCallOf(c, parseReference(model), timings),
      inputs,
      dimensions,
    });
    const headers = { ...answerHeaders(answer), 'content-type': 'application/json' };
    const { version, embeddings, tokens, ageMs } = answer;
    noteEmbedding(c.get('tracing'), { model, encodingFormat, answer });
    const response = { model: `${version.model}@${version.version}`, embeddings, tokens };
    return answerResponse(c, { body: encodeEmbeddingResponse(response, encodingFormat), headers }, ageMs, timings);
  });
});

/** As OpenTelemetry's conventions for generative AI name it. */
function noteEmbedding(
  { isRecorded, notes }: Tracing,
  { model, encodingFormat, answer }: { model: string; encodingFormat: string; answer: EmbedAnswer },
): void {
  if (!isRecorded) return;
  Object.assign(notes, {
    'gen_ai.operation.name': 'embeddings',
    'gen_ai.provider.name': 'lepton_edge',
    'gen_ai.request.model': model,
    'gen_ai.response.model': `${answer.version.model}@${answer.version.version}`,
    'gen_ai.request.encoding_formats': [encodingFormat],
    'gen_ai.embeddings.dimension.count': answer.embeddings[0]?.length,
    'gen_ai.usage.input_tokens': answer.tokens,
  });
}

/** @throws LeptonError `model_not_found`, and for a reference to what the model lacks `version_not_found` or `alias_not_found` */
async function find(c: AppContext, id: string): Promise<InferableModel> {
  const gateway = c.get('gateway');
  const principal = c.get('principal');
  const ref = parseReference(id);
  const [model] = await listInferable(gateway, principal, ref.model);
  if (!model) throw new LeptonError('model_not_found', `no model is named "${ref.model}"`);
  if (ref.alias !== undefined || ref.version !== undefined) {
    await gateway.directory.resolve(ref, principal, gateway.random(), waitUntilOf(c));
  }
  return model;
}

function toOpenAi(id: string, { team, createdAt }: InferableModel): OpenAiModel {
  return { id, object: 'model', created: Math.floor(createdAt / 1000), owned_by: team };
}
