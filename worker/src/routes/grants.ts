/** `/api/models/{model}/grants`: what other teams may do with a model. */
import { createRoute } from '@hono/zod-openapi';
import { Grant, PageQuery, PutGrantInput, pageOf } from '@lepton-edge/protocol';
import { z } from 'zod';
import { serviceContext } from '../http/app-env.ts';
import { cacheable, createApi, json, jsonBody, KEY, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { readJson } from '../middleware/read-json.ts';
import { deleteGrant } from '../services/grants/delete.ts';
import { listGrants } from '../services/grants/list.ts';
import { putGrant } from '../services/grants/put.ts';
import { ModelParam } from './models.ts';

const GrantParam = ModelParam.extend({ team: z.string().min(1).max(64).describe('The id or the name of a team.') });

const list = createRoute({
  method: 'get',
  path: '/api/models/{model}/grants',
  operationId: 'listGrants',
  tags: ['Access'],
  summary: 'List what other teams were granted',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: ModelParam, query: PageQuery },
  responses: { ...cacheable(pageOf(Grant), 'A page of grants.'), ...problems(400, 401, 403, 404) },
});

const put = createRoute({
  method: 'put',
  path: '/api/models/{model}/grants/{team}',
  operationId: 'putGrant',
  tags: ['Access'],
  summary: 'Grant a team access, or change it',
  security: KEY,
  middleware: [authenticate('models:write'), readJson()] as const,
  request: { params: GrantParam, body: jsonBody(PutGrantInput) },
  responses: { 200: json(Grant, 'The grant.'), ...problems(400, 401, 403, 404, 413) },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/models/{model}/grants/{team}',
  operationId: 'deleteGrant',
  tags: ['Access'],
  summary: 'Take a grant back',
  security: KEY,
  middleware: [authenticate('models:write')] as const,
  request: { params: GrantParam },
  responses: {
    204: { description: 'The team is refused everywhere within 10 s.' },
    ...problems(400, 401, 403, 404),
  },
});

export const grantRoutes = createApi()
  .openapi(list, async (c) => {
    const { model } = c.req.valid('param');
    return c.json(await listGrants(serviceContext(c), model, c.req.valid('query')), 200);
  })
  .openapi(put, async (c) => {
    const { model, team } = c.req.valid('param');
    return c.json(await putGrant(serviceContext(c), model, team, c.req.valid('json')), 200);
  })
  .openapi(remove, async (c) => {
    const { model, team } = c.req.valid('param');
    await deleteGrant(serviceContext(c), model, team);
    return c.body(null, 204);
  });
