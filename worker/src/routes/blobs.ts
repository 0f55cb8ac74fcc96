/** `/api/blobs/{digest}`: stored files by content, with ranges (RFC 9110). */
import { createRoute } from '@hono/zod-openapi';
import { Digest, GRANT_HEADER, LeptonError } from '@lepton-edge/protocol';
import { z } from 'zod';
import { streamOfObject } from '../artifacts/store.ts';
import { serviceContext } from '../http/app-env.ts';
import { createApi, KEY, problems } from '../http/openapi.ts';
import { parseRange } from '../http/range.ts';
import { readGrant } from '../infer/read-grant.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { findBlob } from '../services/blobs/find.ts';

const bytes = {
  content: { 'application/octet-stream': { schema: z.any().meta({ type: 'string', format: 'binary' }) } },
};

const get = createRoute({
  method: 'get',
  path: '/api/blobs/{digest}',
  operationId: 'getBlob',
  tags: ['Blobs'],
  summary: 'Read a stored file, or a range of it',
  description: 'HEAD answers the same headers without the bytes.',
  security: KEY,
  middleware: [authenticate('models:read', 'node')] as const,
  request: { params: z.object({ digest: Digest }), headers: z.object({ range: z.string().optional() }) },
  responses: {
    200: { ...bytes, description: 'The file.' },
    206: { ...bytes, description: 'The range of the file.' },
    304: { description: 'The file is the one the caller has.' },
    ...problems(400, 401, 403, 404, 416),
  },
});

export const blobRoutes = createApi();

// Hono routes HEAD to the handler of GET.
const { middleware: _middleware, ...documented } = get;
blobRoutes.openAPIRegistry.registerPath({
  ...documented,
  method: 'head',
  operationId: 'headBlob',
  summary: 'Read the size and the ETag of a stored file',
  responses: {
    200: { description: 'The file is there.' },
    206: { description: 'The range is.' },
    304: { description: 'The file is the one the caller has.' },
    ...Object.fromEntries(
      [400, 401, 403, 404, 416, 500, 503].map((status) => [status, { description: 'As for GET, without the body.' }]),
    ),
  },
});

blobRoutes.openapi(get, async (c) => {
  const ctx = serviceContext(c);
  const { nodeId } = ctx.principal;
  const { signingKeys } = ctx.gateway.settings;
  const grant = nodeId === undefined ? undefined : await readGrant(c.req.header(GRANT_HEADER), nodeId, signingKeys);
  const blob = await findBlob(ctx, c.req.valid('param').digest, grant);
  const etag = `"${blob.digest}"`;
  const headers = new Headers({
    etag,
    'accept-ranges': 'bytes',
    'cache-control': 'private, max-age=31536000, immutable',
    'content-type': 'application/octet-stream',
  });
  if (c.req.header('if-none-match') === etag) return new Response(null, { status: 304, headers });
  const range = parseRange(c.req.header('range'), blob.sizeBytes);
  const { offset, length } = range ?? { offset: 0, length: blob.sizeBytes };
  headers.set('content-length', String(length));
  if (range) headers.set('content-range', `bytes ${offset}-${offset + length - 1}/${blob.sizeBytes}`);
  const status = range ? 206 : 200;
  if (c.req.method === 'HEAD') return new Response(null, { status, headers });
  const body = await streamOfObject(ctx.gateway.blobs, blob.key, offset, length);
  if (!body) throw new LeptonError('unavailable', 'the file cannot be read from storage now', { retryAfterSeconds: 2 });
  return new Response(body, { status, headers });
});
