/** `/api/models/{model}/aliases`: movable pointers to versions. */
import { createRoute } from '@hono/zod-openapi';
import { Alias, AliasName, PageQuery, PutAliasInput, pageOf } from '@lepton-edge/protocol';
import { serviceContext } from '../http/app-env.ts';
import { createApi, json, jsonBody, KEY, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { putAlias } from '../services/aliases/put.ts';
import { getAlias, listAliases } from '../services/aliases/read.ts';
import { ModelParam } from './models.ts';

const AliasParam = ModelParam.extend({ alias: AliasName });

const list = createRoute({
  method: 'get',
  path: '/api/models/{model}/aliases',
  tags: ['Aliases'],
  summary: 'List aliases by name',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: ModelParam, query: PageQuery },
  responses: { 200: json(pageOf(Alias), 'A page of aliases.'), ...problems(400, 401, 403, 404) },
});

const get = createRoute({
  method: 'get',
  path: '/api/models/{model}/aliases/{alias}',
  tags: ['Aliases'],
  summary: 'Read an alias',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: AliasParam },
  responses: { 200: json(Alias, 'The alias.'), ...problems(400, 401, 403, 404) },
});

const put = createRoute({
  method: 'put',
  path: '/api/models/{model}/aliases/{alias}',
  tags: ['Aliases'],
  summary: 'Move an alias, or make it',
  security: KEY,
  middleware: [authenticate('models:write')] as const,
  request: { params: AliasParam, body: jsonBody(PutAliasInput) },
  responses: { 200: json(Alias, 'The alias as it is now.'), ...problems(400, 401, 403, 404, 409) },
});

export const aliasRoutes = createApi()
  .openapi(list, async (c) => {
    const { model } = c.req.valid('param');
    return c.json(await listAliases(serviceContext(c), model, c.req.valid('query')), 200);
  })
  .openapi(get, async (c) => {
    const { model, alias } = c.req.valid('param');
    return c.json(await getAlias(serviceContext(c), model, alias), 200);
  })
  .openapi(put, async (c) => {
    const { model, alias } = c.req.valid('param');
    return c.json(await putAlias(serviceContext(c), model, alias, c.req.valid('json')), 200);
  });
