/** `/api/models/{model}/aliases`: movable pointers to versions. */
import { createRoute } from '@hono/zod-openapi';
import {
  Alias,
  AliasHistoryQuery,
  AliasName,
  AliasQuery,
  AliasRevision,
  DeleteAliasQuery,
  PageQuery,
  PatchAliasInput,
  PutAliasInput,
  pageOf,
  RollbackAliasInput,
} from '@lepton-edge/protocol';
import { serviceContext } from '../http/app-env.ts';
import { cacheable, createApi, IdempotencyHeaders, json, jsonBody, KEY, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { idempotent } from '../middleware/idempotency.ts';
import { readJson } from '../middleware/read-json.ts';
import { deleteAlias } from '../services/aliases/delete.ts';
import { getAliasAt, listAliasHistory } from '../services/aliases/history.ts';
import { patchAlias } from '../services/aliases/protect.ts';
import { putAlias } from '../services/aliases/put.ts';
import { getAlias, listAliases } from '../services/aliases/read.ts';
import { rollbackAlias } from '../services/aliases/rollback.ts';
import { ModelParam } from './models.ts';

const AliasParam = ModelParam.extend({ alias: AliasName });

const list = createRoute({
  method: 'get',
  path: '/api/models/{model}/aliases',
  operationId: 'listAliases',
  tags: ['Aliases'],
  summary: 'List aliases by name',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: ModelParam, query: PageQuery },
  responses: { ...cacheable(pageOf(Alias), 'A page of aliases.'), ...problems(400, 401, 403, 404) },
});

const get = createRoute({
  method: 'get',
  path: '/api/models/{model}/aliases/{alias}',
  operationId: 'getAlias',
  tags: ['Aliases'],
  summary: 'Read an alias, as it is or as it was',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: AliasParam, query: AliasQuery },
  responses: { ...cacheable(Alias, 'The alias.'), ...problems(400, 401, 403, 404) },
});

const put = createRoute({
  method: 'put',
  path: '/api/models/{model}/aliases/{alias}',
  operationId: 'putAlias',
  tags: ['Aliases'],
  summary: 'Move an alias, or make it',
  security: KEY,
  middleware: [authenticate('models:write'), readJson()] as const,
  request: { params: AliasParam, body: jsonBody(PutAliasInput) },
  responses: { 200: json(Alias, 'The alias as it is now.'), ...problems(400, 401, 403, 404, 409, 413) },
});

const patch = createRoute({
  method: 'patch',
  path: '/api/models/{model}/aliases/{alias}',
  operationId: 'patchAlias',
  tags: ['Aliases'],
  summary: 'Protect an alias from everyone but admin, or no longer',
  security: KEY,
  middleware: [authenticate('admin'), readJson()] as const,
  request: { params: AliasParam, body: jsonBody(PatchAliasInput) },
  responses: { 200: json(Alias, 'The alias; its revision is the same.'), ...problems(400, 401, 403, 404, 413) },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/models/{model}/aliases/{alias}',
  operationId: 'deleteAlias',
  tags: ['Aliases'],
  summary: 'Delete an alias',
  description: 'Its history stays, and its revision numbers go on when it is made again.',
  security: KEY,
  middleware: [authenticate('models:write')] as const,
  request: { params: AliasParam, query: DeleteAliasQuery },
  responses: { 204: { description: 'Deleted.' }, ...problems(400, 401, 403, 404, 409) },
});

const rollback = createRoute({
  method: 'post',
  path: '/api/models/{model}/aliases/{alias}/rollback',
  operationId: 'rollbackAlias',
  tags: ['Aliases'],
  summary: 'Take an alias back to an earlier revision’s targets',
  security: KEY,
  middleware: [authenticate('models:write'), readJson(), idempotent()] as const,
  request: { headers: IdempotencyHeaders, params: AliasParam, body: jsonBody(RollbackAliasInput) },
  responses: {
    200: json(Alias, 'The alias as it is now, at a new revision.'),
    ...problems(400, 401, 403, 404, 409, 413, 422),
  },
});

const history = createRoute({
  method: 'get',
  path: '/api/models/{model}/aliases/{alias}/history',
  operationId: 'listAliasHistory',
  tags: ['Aliases'],
  summary: 'List the moves of an alias, newest first',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: AliasParam, query: AliasHistoryQuery },
  responses: { ...cacheable(pageOf(AliasRevision), 'A page of moves.'), ...problems(400, 401, 403, 404) },
});

export const aliasRoutes = createApi()
  .openapi(list, async (c) => {
    const { model } = c.req.valid('param');
    return c.json(await listAliases(serviceContext(c), model, c.req.valid('query')), 200);
  })
  .openapi(get, async (c) => {
    const { model, alias } = c.req.valid('param');
    const { at } = c.req.valid('query');
    const ctx = serviceContext(c);
    return c.json(at === undefined ? await getAlias(ctx, model, alias) : await getAliasAt(ctx, model, alias, at), 200);
  })
  .openapi(put, async (c) => {
    const { model, alias } = c.req.valid('param');
    return c.json(await putAlias(serviceContext(c), model, alias, c.req.valid('json')), 200);
  })
  .openapi(patch, async (c) => {
    const { model, alias } = c.req.valid('param');
    return c.json(await patchAlias(serviceContext(c), model, alias, c.req.valid('json')), 200);
  })
  .openapi(remove, async (c) => {
    const { model, alias } = c.req.valid('param');
    await deleteAlias(serviceContext(c), model, alias, c.req.valid('query'));
    return c.body(null, 204);
  })
  .openapi(rollback, async (c) => {
    const { model, alias } = c.req.valid('param');
    return c.json(await rollbackAlias(serviceContext(c), model, alias, c.req.valid('json')), 200);
  })
  .openapi(history, async (c) => {
    const { model, alias } = c.req.valid('param');
    return c.json(await listAliasHistory(serviceContext(c), model, alias, c.req.valid('query')), 200);
  });
