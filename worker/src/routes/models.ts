/** `/api/models`: models. */
import { createRoute } from '@hono/zod-openapi';
import {
  CreateModelInput,
  DeleteModelQuery,
  Model,
  ModelName,
  PageQuery,
  PatchModelInput,
  pageOf,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { serviceContext } from '../http/app-env.ts';
import { cacheable, createApi, IdempotencyHeaders, json, jsonBody, KEY, made, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { idempotent } from '../middleware/idempotency.ts';
import { readJson } from '../middleware/read-json.ts';
import { createModel } from '../services/models/create.ts';
import { deleteModel } from '../services/models/delete.ts';
import { getModel } from '../services/models/find.ts';
import { listModels } from '../services/models/list.ts';
import { patchModel } from '../services/models/patch.ts';

export const ModelParam = z.object({ model: ModelName });

const create = createRoute({
  method: 'post',
  path: '/api/models',
  operationId: 'createModel',
  tags: ['Models'],
  summary: 'Make a model',
  security: KEY,
  middleware: [authenticate('models:write'), readJson(), idempotent()] as const,
  request: { headers: IdempotencyHeaders, body: jsonBody(CreateModelInput) },
  responses: { 201: made(Model, 'The model.'), ...problems(400, 401, 403, 404, 409, 413, 422) },
});

const list = createRoute({
  method: 'get',
  path: '/api/models',
  operationId: 'listModels',
  tags: ['Models'],
  summary: 'List models by name',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { query: PageQuery },
  responses: { ...cacheable(pageOf(Model), 'A page of models.'), ...problems(400, 401, 403) },
});

const get = createRoute({
  method: 'get',
  path: '/api/models/{model}',
  operationId: 'getModel',
  tags: ['Models'],
  summary: 'Read a model',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: ModelParam },
  responses: { ...cacheable(Model, 'The model.'), ...problems(400, 401, 403, 404) },
});

const patch = createRoute({
  method: 'patch',
  path: '/api/models/{model}',
  operationId: 'patchModel',
  tags: ['Models'],
  summary: 'Change a model’s task, description, visibility or labels',
  security: KEY,
  middleware: [authenticate('models:write'), readJson()] as const,
  request: { params: ModelParam, body: jsonBody(PatchModelInput) },
  responses: { 200: json(Model, 'The model as it is now.'), ...problems(400, 401, 403, 404, 413) },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/models/{model}',
  operationId: 'deleteModel',
  tags: ['Models'],
  summary: 'Delete a model with its versions, aliases and grants',
  description: 'While aliases or grants to other teams refer to it, only with force=true.',
  security: KEY,
  middleware: [authenticate('models:write')] as const,
  request: { params: ModelParam, query: DeleteModelQuery },
  responses: {
    204: { description: 'Deleted; its name is free.' },
    ...problems(400, 401, 403, 404, 409),
  },
});

export const modelRoutes = createApi()
  .openapi(create, async (c) => {
    const model = await createModel(serviceContext(c), c.req.valid('json'));
    c.header('location', `/api/models/${model.name}`);
    return c.json(model, 201);
  })
  .openapi(list, async (c) => c.json(await listModels(serviceContext(c), c.req.valid('query')), 200))
  .openapi(get, async (c) => c.json(await getModel(serviceContext(c), c.req.valid('param').model), 200))
  .openapi(patch, async (c) => {
    const { model } = c.req.valid('param');
    return c.json(await patchModel(serviceContext(c), model, c.req.valid('json')), 200);
  })
  .openapi(remove, async (c) => {
    await deleteModel(serviceContext(c), c.req.valid('param').model, c.req.valid('query').force === 'true');
    return c.body(null, 204);
  });
