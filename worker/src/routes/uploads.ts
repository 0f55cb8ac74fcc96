/** `/api/uploads`: resumable uploads of single files, in parts. */
import { createRoute } from '@hono/zod-openapi';
import {
  CreateUploadInput,
  LeptonError,
  PART_BYTES,
  StoredFile,
  Upload,
  UploadExists,
  UploadedPart,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { type AppContext, serviceContext } from '../http/app-env.ts';
import { contentLength } from '../http/collect.ts';
import { cacheable, createApi, IdempotencyHeaders, json, jsonBody, KEY, made, problems } from '../http/openapi.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { idempotent, LONG_LEASE_MS } from '../middleware/idempotency.ts';
import { readJson } from '../middleware/read-json.ts';
import { completeUpload, dropUpload } from '../services/uploads/complete.ts';
import { createUpload } from '../services/uploads/create.ts';
import { findUpload, toUpload } from '../services/uploads/find.ts';
import { putPart } from '../services/uploads/put-part.ts';

const UploadParam = z.object({ id: z.string().max(64) });
const own = { tags: ['Uploads'], security: KEY, middleware: [authenticate('models:write')] };

const create = createRoute({
  ...own,
  middleware: [authenticate('models:write'), readJson(), idempotent()] as const,
  method: 'post',
  path: '/api/uploads',
  operationId: 'createUpload',
  summary: 'Begin an upload, or go on with one',
  description:
    'A file that is stored for the caller’s team is not sent again (`exists`); an upload of the same file that the team left open is answered again.',
  request: { headers: IdempotencyHeaders, body: jsonBody(CreateUploadInput) },
  responses: {
    200: made(z.union([UploadExists, Upload]), 'The file is stored already, or its upload was begun before.'),
    201: made(Upload, 'The upload.'),
    ...problems(400, 401, 403, 409, 413, 422, 429),
  },
});

const get = createRoute({
  ...own,
  method: 'get',
  path: '/api/uploads/{id}',
  operationId: 'getUpload',
  summary: 'Ask how far an upload is',
  request: { params: UploadParam },
  responses: { ...cacheable(Upload, 'The upload.'), ...problems(400, 401, 403, 404) },
});

const put = createRoute({
  ...own,
  method: 'put',
  path: '/api/uploads/{id}/parts/{part}',
  operationId: 'putUploadPart',
  summary: 'Send a part',
  description: `Every part but the last is ${PART_BYTES} bytes long. Parts may come in any order and at once; one sent again replaces itself.`,
  request: {
    params: UploadParam.extend({
      part: z
        .string()
        .regex(/^[1-9][0-9]{0,4}$/, 'expected 1, 2, 3, …')
        .transform(Number),
    }),
    body: {
      content: { 'application/octet-stream': { schema: z.any().meta({ type: 'string', format: 'binary' }) } },
      required: true,
    },
  },
  responses: { 200: json(UploadedPart, 'The part is stored.'), ...problems(400, 401, 403, 404, 409, 411) },
});

const complete = createRoute({
  ...own,
  middleware: [authenticate('models:write'), readJson(), idempotent({ leaseMs: LONG_LEASE_MS })] as const,
  method: 'post',
  path: '/api/uploads/{id}/complete',
  operationId: 'completeUpload',
  summary: 'End an upload',
  description: 'Verifies the digest over the stored bytes, which takes a while for a large file. May be called again.',
  request: { headers: IdempotencyHeaders, params: UploadParam },
  responses: { 200: json(StoredFile, 'The file is stored.'), ...problems(400, 401, 403, 404, 409, 413, 422) },
});

const drop = createRoute({
  ...own,
  method: 'delete',
  path: '/api/uploads/{id}',
  operationId: 'deleteUpload',
  summary: 'Give an upload up',
  request: { params: UploadParam },
  responses: { 204: { description: 'It is gone; a file it completed stays.' }, ...problems(400, 401, 403, 404) },
});

export const uploadRoutes = createApi()
  .openapi(create, async (c) => {
    const begun = await createUpload(serviceContext(c), c.req.valid('json'));
    if (begun.kind === 'exists') return c.json(begun.file, 200);
    const { row } = begun;
    c.header('location', `/api/uploads/${row.id}`);
    if (begun.kind === 'new') return c.json(toUpload(row, []), 201);
    const { parts } = await findUpload(serviceContext(c), row.id);
    return c.json(toUpload(row, parts), 200);
  })
  .openapi(get, async (c) => {
    const { row, parts } = await findUpload(serviceContext(c), c.req.valid('param').id);
    return c.json(toUpload(row, parts), 200);
  })
  .openapi(put, async (c) => {
    const { id, part } = c.req.valid('param');
    return c.json(await putPart(serviceContext(c), id, part, partBody(c)), 200);
  })
  .openapi(complete, async (c) => c.json(await completeUpload(serviceContext(c), c.req.valid('param').id), 200))
  .openapi(drop, async (c) => {
    const ctx = serviceContext(c);
    const { row } = await findUpload(ctx, c.req.valid('param').id);
    await dropUpload(ctx, row);
    c.executionCtx.waitUntil(ctx.gateway.janitors.wake('garbage'));
    return c.body(null, 204);
  });

/** @throws LeptonError `length_required` or `invalid_request` for no body */
function partBody(c: AppContext): { body: ReadableStream<Uint8Array>; sizeBytes: number } {
  const sizeBytes = contentLength(c.req.raw);
  if (sizeBytes === undefined) {
    throw new LeptonError('length_required', 'expected a Content-Length header: send the part with its size');
  }
  const { body } = c.req.raw;
  if (!body || sizeBytes === 0) throw new LeptonError('invalid_request', 'expected the bytes of the part, got none');
  return { body, sizeBytes };
}
