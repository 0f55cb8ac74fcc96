/** `/api/models`: models. */
import { createRoute } from '@hono/zod-openapi';
import { CreateModelInput, Model, ModelName, PageQuery, pageOf } from '@lepton-edge/protocol';
import { z } from 'zod';
import { serviceContext } from '../http/app-env.ts';
import { createApi, json, jsonBody, KEY, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { createModel } from '../services/models/create.ts';
import { getModel } from '../services/models/find.ts';
import { listModels } from '../services/models/list.ts';

export const ModelParam = z.object({ model: ModelName });

const create = createRoute({
  method: 'post',
  path: '/api/models',
  tags: ['Models'],
  summary: 'Make a model',
  security: KEY,
  middleware: [authenticate('models:write')] as const,
  request: { body: jsonBody(CreateModelInput) },
  responses: { 201: json(Model, 'The model.'), ...problems(400, 401, 403, 404, 409) },
});

const list = createRoute({
  method: 'get',
  path: '/api/models',
  tags: ['Models'],
  summary: 'List models by name',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { query: PageQuery },
  responses: { 200: json(pageOf(Model), 'A page of models.'), ...problems(400, 401, 403) },
});

const get = createRoute({
  method: 'get',
  path: '/api/models/{model}',
  tags: ['Models'],
  summary: 'Read a model',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: ModelParam },
  responses: { 200: json(Model, 'The model.'), ...problems(400, 401, 403, 404) },
});

export const modelRoutes = createApi()
  .openapi(create, async (c) => {
    const model = await createModel(serviceContext(c), c.req.valid('json'));
    c.header('location', `/api/models/${model.name}`);
    return c.json(model, 201);
  })
  .openapi(list, async (c) => c.json(await listModels(serviceContext(c), c.req.valid('query')), 200))
  .openapi(get, async (c) => c.json(await getModel(serviceContext(c), c.req.valid('param').model), 200));
