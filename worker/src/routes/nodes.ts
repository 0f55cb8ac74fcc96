/** `/api/nodes`: how gpu-nodes join, report and leave. */
import { createRoute } from '@hono/zod-openapi';
import {
  CreateNodeTokenInput,
  Heartbeat,
  HeartbeatAnswer,
  IssuedNodeToken,
  JoinAnswer,
  JoinInput,
  Node,
  NodeCredential,
  NodeToken,
  PageQuery,
  pageOf,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { serviceContext } from '../http/app-env.ts';
import { createApi, IdempotencyHeaders, json, jsonBody, KEY, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { idempotent } from '../middleware/idempotency.ts';
import { readJson } from '../middleware/read-json.ts';
import { setDrained } from '../services/nodes/drain.ts';
import { takeHeartbeat } from '../services/nodes/heartbeat.ts';
import { joinNode } from '../services/nodes/join.ts';
import { listNodes, removeNode } from '../services/nodes/list.ts';
import { issueCredential, requestRotation } from '../services/nodes/rotate.ts';
import { createNodeToken, listNodeTokens, revokeNodeToken } from '../services/nodes/tokens.ts';

/** Who joins has no key yet. */
const MAX_JOIN_BYTES = 64 * 1024;
const NodeParam = z.object({ id: z.string().max(64) });

const makeToken = createRoute({
  method: 'post',
  path: '/api/nodes/tokens',
  operationId: 'createNodeToken',
  tags: ['Nodes'],
  summary: 'Make a token by which a node joins',
  description:
    'Good for one join within an hour, or for `uses` of them until `expiresAt`: for a group of nodes that grows and shrinks. Whoever has it can add a node and take over the name of one.',
  security: KEY,
  middleware: [authenticate('admin'), readJson(), idempotent({ issuesSecret: true })] as const,
  request: { headers: IdempotencyHeaders, body: { ...jsonBody(CreateNodeTokenInput), required: false } },
  responses: {
    201: json(IssuedNodeToken, 'The token; it is shown this once.'),
    ...problems(400, 401, 403, 409, 413, 422),
  },
});

const listTokens = createRoute({
  method: 'get',
  path: '/api/nodes/tokens',
  operationId: 'listNodeTokens',
  tags: ['Nodes'],
  summary: 'List join tokens, without their secrets',
  security: KEY,
  middleware: [authenticate('admin')] as const,
  request: { query: PageQuery },
  responses: { 200: json(pageOf(NodeToken), 'A page of join tokens.'), ...problems(400, 401, 403) },
});

const revokeToken = createRoute({
  method: 'delete',
  path: '/api/nodes/tokens/{id}',
  operationId: 'revokeNodeToken',
  tags: ['Nodes'],
  summary: 'Revoke a join token',
  description: 'Nothing joins by it any more; nodes that did stay.',
  security: KEY,
  middleware: [authenticate('admin')] as const,
  request: { params: NodeParam },
  responses: { 204: { description: 'Revoked.' }, ...problems(400, 401, 403, 404) },
});

const join = createRoute({
  method: 'post',
  path: '/api/nodes/join',
  operationId: 'joinNode',
  tags: ['Nodes'],
  summary: 'Join the fleet',
  description:
    'The token in the body is the authorisation. Before answering, the gateway calls the node at its address.',
  middleware: [readJson({ maxBytes: MAX_JOIN_BYTES })] as const,
  request: { body: jsonBody(JoinInput) },
  responses: { 201: json(JoinAnswer, 'The id and the credential of the node.'), ...problems(400, 401, 409, 413, 422) },
});

const heartbeat = createRoute({
  method: 'post',
  path: '/api/nodes/{id}/heartbeat',
  operationId: 'reportNode',
  tags: ['Nodes'],
  summary: 'Report a node’s state',
  security: KEY,
  middleware: [authenticate('node'), readJson()] as const,
  request: { params: NodeParam, body: jsonBody(Heartbeat) },
  responses: { 200: json(HeartbeatAnswer, 'Received.'), ...problems(400, 401, 403, 404, 413, 422) },
});

const list = createRoute({
  method: 'get',
  path: '/api/nodes',
  operationId: 'listNodes',
  tags: ['Nodes'],
  summary: 'List nodes by name',
  security: KEY,
  middleware: [authenticate('ops')] as const,
  request: { query: PageQuery },
  responses: { 200: json(pageOf(Node), 'A page of nodes.'), ...problems(400, 401, 403) },
});

const remove = createRoute({
  method: 'delete',
  path: '/api/nodes/{id}',
  operationId: 'removeNode',
  tags: ['Nodes'],
  summary: 'Remove a node',
  description:
    'Its credential ends. A node that still runs joins again by itself where its join token is still good: stop it, or revoke the token first.',
  security: KEY,
  middleware: [authenticate('admin')] as const,
  request: { params: NodeParam },
  responses: { 204: { description: 'Removed; its credential no longer works.' }, ...problems(400, 401, 403, 404) },
});

const drain = createRoute({
  method: 'post',
  path: '/api/nodes/{id}/drain',
  operationId: 'drainNode',
  tags: ['Nodes'],
  summary: 'Take a node out of work',
  description:
    'It finishes what it has, gets no more, and stays up; also when it is started again, until it is resumed.',
  security: KEY,
  middleware: [authenticate('admin'), readJson(), idempotent()] as const,
  request: { headers: IdempotencyHeaders, params: NodeParam },
  responses: { 200: json(Node, 'The node.'), ...problems(400, 401, 403, 404, 409, 413, 422) },
});

const resume = createRoute({
  method: 'post',
  path: '/api/nodes/{id}/resume',
  operationId: 'resumeNode',
  tags: ['Nodes'],
  summary: 'Give a drained node work again',
  security: KEY,
  middleware: [authenticate('admin'), readJson(), idempotent()] as const,
  request: { headers: IdempotencyHeaders, params: NodeParam },
  responses: { 200: json(Node, 'The node.'), ...problems(400, 401, 403, 404, 409, 413, 422) },
});

const rotate = createRoute({
  method: 'post',
  path: '/api/nodes/{id}/rotate',
  operationId: 'rotateNode',
  tags: ['Nodes'],
  summary: 'Have a node replace its credential',
  description: 'With its next report. Without being asked a node does so once a day.',
  security: KEY,
  middleware: [authenticate('admin'), readJson(), idempotent()] as const,
  request: { headers: IdempotencyHeaders, params: NodeParam },
  responses: { 200: json(Node, 'The node.'), ...problems(400, 401, 403, 404, 409, 413, 422) },
});

const credential = createRoute({
  method: 'post',
  path: '/api/nodes/{id}/credential',
  operationId: 'issueNodeCredential',
  tags: ['Nodes'],
  summary: 'Get a node’s next credential',
  description: 'For the node itself. The credential it asks with counts until it has used the next one.',
  security: KEY,
  middleware: [authenticate('node'), readJson()] as const,
  request: { params: NodeParam },
  responses: {
    201: json(NodeCredential, 'The credential; it is shown this once.'),
    ...problems(400, 401, 403, 404, 413),
  },
});

export const nodeRoutes = createApi()
  .openapi(makeToken, async (c) => c.json(await createNodeToken(serviceContext(c), c.req.valid('json')), 201))
  .openapi(listTokens, async (c) => c.json(await listNodeTokens(serviceContext(c), c.req.valid('query')), 200))
  .openapi(revokeToken, async (c) => {
    await revokeNodeToken(serviceContext(c), c.req.valid('param').id);
    return c.body(null, 204);
  })
  .openapi(join, async (c) => {
    const { gateway, origin } = serviceContext(c);
    return c.json(await joinNode(gateway, origin, c.req.valid('json')), 201);
  })
  .openapi(heartbeat, async (c) =>
    c.json(await takeHeartbeat(serviceContext(c), c.req.valid('param').id, c.req.valid('json')), 200),
  )
  .openapi(list, async (c) => c.json(await listNodes(serviceContext(c), c.req.valid('query')), 200))
  .openapi(drain, async (c) => c.json(await setDrained(serviceContext(c), c.req.valid('param').id, true), 200))
  .openapi(resume, async (c) => c.json(await setDrained(serviceContext(c), c.req.valid('param').id, false), 200))
  .openapi(rotate, async (c) => c.json(await requestRotation(serviceContext(c), c.req.valid('param').id), 200))
  .openapi(credential, async (c) => c.json(await issueCredential(serviceContext(c), c.req.valid('param').id), 201))
  .openapi(remove, async (c) => {
    await removeNode(serviceContext(c), c.req.valid('param').id);
    return c.body(null, 204);
  });
