/** `/api/teams` and `/api/keys`: who may do what. */
import { createRoute } from '@hono/zod-openapi';
import {
  CreateKeyInput,
  CreateTeamInput,
  IssuedKey,
  Key,
  KeyQuery,
  PageQuery,
  pageOf,
  Team,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { serviceContext } from '../http/app-env.ts';
import { createApi, json, jsonBody, KEY, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { createKey, listKeys, revokeKey } from '../services/keys/keys.ts';
import { createTeam } from '../services/teams/create.ts';
import { listTeams } from '../services/teams/list.ts';

const admin = { tags: ['Access'], security: KEY, middleware: [authenticate('admin')] };

const makeTeam = createRoute({
  ...admin,
  method: 'post',
  path: '/api/teams',
  summary: 'Make a team',
  request: { body: jsonBody(CreateTeamInput) },
  responses: { 201: json(Team, 'The team.'), ...problems(400, 401, 403, 409) },
});

const teams = createRoute({
  ...admin,
  method: 'get',
  path: '/api/teams',
  summary: 'List teams by name',
  request: { query: PageQuery },
  responses: { 200: json(pageOf(Team), 'A page of teams.'), ...problems(400, 401, 403) },
});

const makeKey = createRoute({
  ...admin,
  method: 'post',
  path: '/api/keys',
  summary: 'Make a key',
  request: { body: jsonBody(CreateKeyInput) },
  responses: { 201: json(IssuedKey, 'The key; its secret is shown this once.'), ...problems(400, 401, 403, 404) },
});

const keys = createRoute({
  ...admin,
  method: 'get',
  path: '/api/keys',
  summary: 'List keys',
  request: { query: KeyQuery },
  responses: { 200: json(pageOf(Key), 'A page of keys.'), ...problems(400, 401, 403, 404) },
});

const revoke = createRoute({
  ...admin,
  method: 'delete',
  path: '/api/keys/{id}',
  summary: 'Revoke a key',
  request: { params: z.object({ id: z.string().max(64) }) },
  responses: { 204: { description: 'The key is refused everywhere within 10 s.' }, ...problems(401, 403, 404) },
});

export const accessRoutes = createApi()
  .openapi(makeTeam, async (c) => c.json(await createTeam(serviceContext(c), c.req.valid('json')), 201))
  .openapi(teams, async (c) => c.json(await listTeams(serviceContext(c), c.req.valid('query')), 200))
  .openapi(makeKey, async (c) => c.json(await createKey(serviceContext(c), c.req.valid('json')), 201))
  .openapi(keys, async (c) => c.json(await listKeys(serviceContext(c), c.req.valid('query')), 200))
  .openapi(revoke, async (c) => {
    await revokeKey(serviceContext(c), c.req.valid('param').id);
    return c.body(null, 204);
  });
