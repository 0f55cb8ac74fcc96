/** What `/openapi.json` says of `/v1`. */
import {
  EmbeddingRequestBody,
  EmbeddingResponseBody,
  OpenAiFailure,
  OpenAiModel,
  OpenAiModelList,
  SHOULD_RETRY_HEADER,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { declared, OF_A_MODEL, underQuota } from '../http/declared-headers.ts';
import { json, jsonBody, KEY } from '../http/openapi.ts';
import { CALL_HEADERS, DESCRIPTIONS, type Route } from './plain-document.ts';

const failures = (...statuses: number[]) =>
  Object.fromEntries(
    statuses.map((status) => [
      status,
      { ...json(OpenAiFailure, DESCRIPTIONS[status] ?? ''), headers: declared(SHOULD_RETRY_HEADER) },
    ]),
  );

export function documentOpenAi(add: (route: Route) => void): void {
  const common = { tags: ['OpenAI'], security: KEY };
  add({
    ...common,
    method: 'get',
    path: '/v1/models',
    operationId: 'listOpenAiModels',
    summary: 'List the models this key may call',
    responses: { 200: json(OpenAiModelList, 'The models.'), ...failures(401, 403, 500, 503) },
  });
  add({
    ...common,
    method: 'get',
    path: '/v1/models/{ref}',
    operationId: 'getOpenAiModel',
    summary: 'Read one model',
    request: { params: z.object({ ref: z.string() }) },
    responses: { 200: json(OpenAiModel, 'The model.'), ...failures(401, 403, 404, 500, 503) },
  });
  add({
    ...common,
    method: 'post',
    path: '/v1/embeddings',
    operationId: 'createEmbeddings',
    summary: 'Turn texts into embeddings',
    description: 'Of a model with a tokenizer and an embedding in its manifest. Texts, or the model’s own tokens.',
    request: { headers: z.object(CALL_HEADERS), body: jsonBody(EmbeddingRequestBody) },
    responses: underQuota({
      200: {
        ...json(EmbeddingResponseBody, 'One embedding for each input, in order.'),
        headers: declared(...OF_A_MODEL),
      },
      ...failures(400, 401, 403, 404, 408, 413, 415, 429, 500, 503, 504),
    }),
  });
}
