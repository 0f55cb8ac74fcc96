/** `/api/teams` and `/api/keys`: who may do what. */
import { createRoute } from '@hono/zod-openapi';
import {
  CreateKeyInput,
  CreateTeamInput,
  IssuedKey,
  Key,
  KeyQuery,
  PageQuery,
  PutQuotaInput,
  pageOf,
  Quota,
  Team,
  Usage,
  UsageQuery,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { serviceContext } from '../http/app-env.ts';
import { cacheable, createApi, IdempotencyHeaders, json, jsonBody, KEY, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { idempotent } from '../middleware/idempotency.ts';
import { readJson } from '../middleware/read-json.ts';
import { createKey, listKeys, revokeKey } from '../services/keys/keys.ts';
import { putQuota, usageOf } from '../services/keys/quota.ts';
import { createTeam } from '../services/teams/create.ts';
import { listTeams } from '../services/teams/list.ts';

const admin = { tags: ['Access'], security: KEY, middleware: [authenticate('admin')] };

const keyParams = z.object({ id: z.string().max(64) });

const makeTeam = createRoute({
  ...admin,
  middleware: [authenticate('admin'), readJson(), idempotent()] as const,
  method: 'post',
  path: '/api/teams',
  operationId: 'createTeam',
  summary: 'Make a team',
  request: { headers: IdempotencyHeaders, body: jsonBody(CreateTeamInput) },
  responses: { 201: json(Team, 'The team.'), ...problems(400, 401, 403, 409, 413, 422) },
});

const teams = createRoute({
  ...admin,
  method: 'get',
  path: '/api/teams',
  operationId: 'listTeams',
  summary: 'List teams by name',
  request: { query: PageQuery },
  responses: { ...cacheable(pageOf(Team), 'A page of teams.'), ...problems(400, 401, 403) },
});

const makeKey = createRoute({
  ...admin,
  middleware: [authenticate('admin'), readJson(), idempotent({ issuesSecret: true })] as const,
  method: 'post',
  path: '/api/keys',
  operationId: 'createKey',
  summary: 'Make a key',
  request: { headers: IdempotencyHeaders, body: jsonBody(CreateKeyInput) },
  responses: {
    201: json(IssuedKey, 'The key; its secret is shown this once.'),
    ...problems(400, 401, 403, 404, 409, 413, 422),
  },
});

const keys = createRoute({
  ...admin,
  method: 'get',
  path: '/api/keys',
  operationId: 'listKeys',
  summary: 'List keys',
  request: { query: KeyQuery },
  responses: { ...cacheable(pageOf(Key), 'A page of keys.'), ...problems(400, 401, 403, 404) },
});

const revoke = createRoute({
  ...admin,
  method: 'delete',
  path: '/api/keys/{id}',
  operationId: 'revokeKey',
  summary: 'Revoke a key',
  request: { params: keyParams },
  responses: { 204: { description: 'The key is refused everywhere within 10 s.' }, ...problems(400, 401, 403, 404) },
});

const setQuota = createRoute({
  ...admin,
  middleware: [authenticate('admin'), readJson()] as const,
  method: 'put',
  path: '/api/keys/{id}/quota',
  operationId: 'putQuota',
  summary: 'Set what a key may use',
  request: { params: keyParams, body: jsonBody(PutQuotaInput) },
  responses: {
    200: json(Quota, 'The whole quota, in force everywhere within 10 s.'),
    ...problems(400, 401, 403, 404, 413),
  },
});

const usage = createRoute({
  ...admin,
  middleware: [authenticate('infer', 'models:read', 'models:write', 'ops')] as const,
  method: 'get',
  path: '/api/keys/{id}/usage',
  operationId: 'getUsage',
  summary: 'Read what a key has used, by day',
  description: 'For `admin`, and for the key itself.',
  request: { params: keyParams, query: UsageQuery },
  responses: { ...cacheable(Usage, 'Its usage, about a second late.'), ...problems(400, 401, 403, 404) },
});

export const accessRoutes = createApi()
  .openapi(makeTeam, async (c) => c.json(await createTeam(serviceContext(c), c.req.valid('json')), 201))
  .openapi(teams, async (c) => c.json(await listTeams(serviceContext(c), c.req.valid('query')), 200))
  .openapi(makeKey, async (c) => c.json(await createKey(serviceContext(c), c.req.valid('json')), 201))
  .openapi(keys, async (c) => c.json(await listKeys(serviceContext(c), c.req.valid('query')), 200))
  .openapi(setQuota, async (c) => {
    return c.json(await putQuota(serviceContext(c), c.req.valid('param').id, c.req.valid('json')), 200);
  })
  .openapi(usage, async (c) => {
    return c.json(await usageOf(serviceContext(c), c.req.valid('param').id, c.req.valid('query')), 200);
  })
  .openapi(revoke, async (c) => {
    await revokeKey(serviceContext(c), c.req.valid('param').id);
    return c.body(null, 204);
  });
