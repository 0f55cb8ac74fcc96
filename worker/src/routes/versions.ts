/** `/api/models/{model}/versions`: immutable versions. */
import { createRoute } from '@hono/zod-openapi';
import {
  ArchiveVersionInput,
  CreateVersionInput,
  Digest,
  GRANT_HEADER,
  LeptonError,
  ManifestInput,
  PageQuery,
  pageOf,
  parseJson,
  Version,
  VersionNumber,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { type AppContext, serviceContext } from '../http/app-env.ts';
import { contentLength } from '../http/collect.ts';
import {
  cacheable,
  createApi,
  IdempotencyHeaders,
  invalidRequest,
  json,
  jsonBody,
  KEY,
  made,
  problems,
} from '../http/openapi.ts';
import { readGrant } from '../infer/read-grant.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { idempotent, LONG_LEASE_MS } from '../middleware/idempotency.ts';
import { readJson } from '../middleware/read-json.ts';
import { archiveVersion } from '../services/versions/archive.ts';
import { createVersion, createVersionOfFiles, MAX_UPLOAD_BYTES } from '../services/versions/create.ts';
import { getGrantedVersion, getVersion, listVersions } from '../services/versions/read.ts';
import { ModelParam } from './models.ts';

const MANIFEST_HEADER = 'x-lepton-manifest';
const UPLOAD_DIGEST_HEADER = 'x-lepton-digest';
const MAX_MANIFEST_BYTES = 8192;
const MAX_JSON_BYTES = 8 * 1024 * 1024;

const bytes = z.any().meta({ type: 'string', format: 'binary' });

const create = createRoute({
  hide: true,
  method: 'post',
  path: '/api/models/{model}/versions',
  operationId: 'createVersion',
  tags: ['Versions'],
  summary: 'Make the next version',
  description: `The body is the ONNX or ORT file itself, with its Content-Length (curl -X POST -T model.onnx), at most ${MAX_UPLOAD_BYTES} bytes; or JSON that names files uploaded before. The version is \`admitting\` until it has been tried, and serves when it is \`ready\`.`,
  security: KEY,
  middleware: [
    authenticate('models:write'),
    readJson({ maxBytes: MAX_JSON_BYTES, applies: isJson }),
    idempotent({
      raw: {
        applies: (c) => !isJson(c),
        leaseMs: LONG_LEASE_MS,
        maxBytes: MAX_UPLOAD_BYTES,
        headers: [MANIFEST_HEADER],
        digestHeader: UPLOAD_DIGEST_HEADER,
        digestOf: (answer) => Version.safeParse(answer).data?.manifest.files[0]?.digest,
      },
    }),
  ] as const,
  request: {
    params: ModelParam,
    headers: IdempotencyHeaders.extend({
      [MANIFEST_HEADER]: z.string().optional().describe('The manifest as JSON, at most 8 KB.'),
      [UPLOAD_DIGEST_HEADER]: Digest.optional().describe('What the bytes must be; checked when given.'),
    }),
    body: {
      // JSON may come as well (`documented`): declared here, every body of another type would be refused.
      content: { 'application/octet-stream': { schema: bytes } },
      required: true,
    },
  },
  responses: { 202: made(Version, 'The version.'), ...problems(400, 401, 403, 404, 409, 411, 413, 422, 429) },
});

const list = createRoute({
  method: 'get',
  path: '/api/models/{model}/versions',
  operationId: 'listVersions',
  tags: ['Versions'],
  summary: 'List versions, newest first',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: ModelParam, query: PageQuery },
  responses: { ...cacheable(pageOf(Version), 'A page of versions.'), ...problems(400, 401, 403, 404) },
});

const get = createRoute({
  method: 'get',
  path: '/api/models/{model}/versions/{version}',
  operationId: 'getVersion',
  tags: ['Versions'],
  summary: 'Read a version',
  security: KEY,
  middleware: [authenticate('models:read', 'node')] as const,
  request: { params: ModelParam.extend({ version: VersionNumber }) },
  responses: { ...cacheable(Version, 'The version.'), ...problems(400, 401, 403, 404) },
});

const archive = createRoute({
  method: 'post',
  path: '/api/models/{model}/versions/{version}/archive',
  operationId: 'archiveVersion',
  tags: ['Versions'],
  summary: 'Archive a version',
  description: 'It runs no more; its record and its files stay. Refused while an alias points at it.',
  security: KEY,
  middleware: [authenticate('models:write'), readJson(), idempotent()] as const,
  request: {
    headers: IdempotencyHeaders,
    params: ModelParam.extend({ version: VersionNumber }),
    body: jsonBody(ArchiveVersionInput),
  },
  responses: { 200: json(Version, 'The version, archived.'), ...problems(400, 401, 403, 404, 409, 413, 422) },
});

export const versionRoutes = createApi();

const { middleware: _middleware, hide: _hide, ...documented } = create;
versionRoutes.openAPIRegistry.registerPath({
  ...documented,
  request: {
    ...documented.request,
    body: {
      required: true,
      content: { 'application/octet-stream': { schema: bytes }, 'application/json': { schema: CreateVersionInput } },
    },
  },
});

versionRoutes
  .openapi(create, async (c) => {
    const { model } = c.req.valid('param');
    const version = isJson(c)
      ? await createVersionOfFiles(serviceContext(c), model, readFiles(c))
      : await createVersion(serviceContext(c), model, {
          ...uploadBody(c),
          manifest: readManifest(c.req.header(MANIFEST_HEADER)),
          digest: c.req.header(UPLOAD_DIGEST_HEADER),
        });
    c.header('location', `/api/models/${model}/versions/${version.version}`);
    return c.json(version, 202);
  })
  .openapi(list, async (c) => {
    const { model } = c.req.valid('param');
    return c.json(await listVersions(serviceContext(c), model, c.req.valid('query')), 200);
  })
  .openapi(get, async (c) => {
    const { model, version } = c.req.valid('param');
    const ctx = serviceContext(c);
    const { nodeId } = ctx.principal;
    if (nodeId === undefined) return c.json(await getVersion(ctx, model, version), 200);
    const grant = await readGrant(c.req.header(GRANT_HEADER), nodeId, ctx.gateway.settings.signingKeys);
    if (grant.model !== model || grant.version !== version) {
      throw new LeptonError(
        'version_not_found',
        `the grant is for ${grant.model}@${grant.version}, not ${model}@${version}`,
      );
    }
    return c.json(await getGrantedVersion(ctx, grant), 200);
  })
  .openapi(archive, async (c) => {
    const { model, version } = c.req.valid('param');
    return c.json(await archiveVersion(serviceContext(c), model, version, c.req.valid('json')), 200);
  });

function isJson(c: AppContext): boolean {
  return /^application\/([\w.-]+\+)?json\b/i.test(c.req.header('content-type') ?? '');
}

/** @throws LeptonError `length_required`, `body_too_large`, or `invalid_request` for no body. */
function uploadBody(c: AppContext): { body: ReadableStream<Uint8Array>; sizeBytes: number } {
  const sizeBytes = contentLength(c.req.raw);
  if (sizeBytes === undefined) {
    throw new LeptonError(
      'length_required',
      'expected a Content-Length header: send the file with its size (curl -X POST -T model.onnx)',
    );
  }
  if (sizeBytes > MAX_UPLOAD_BYTES) {
    throw new LeptonError(
      'body_too_large',
      `expected a file of at most ${MAX_UPLOAD_BYTES} bytes in one request, got ${sizeBytes}: upload it in parts (/api/uploads, or lepton push)`,
    );
  }
  const { body } = c.req.raw;
  if (!body || sizeBytes === 0)
    throw new LeptonError('invalid_request', 'expected the .onnx file as the body, got none');
  return { body, sizeBytes };
}

function readFiles(c: AppContext) {
  const parsed = CreateVersionInput.safeParse(parseJson(c.get('body') ?? new Uint8Array()));
  if (!parsed.success) throw invalidRequest(parsed.error, 'json');
  return parsed.data;
}

function readManifest(text: string | undefined) {
  if (text === undefined) return ManifestInput.parse({});
  if (text.length > MAX_MANIFEST_BYTES) {
    throw new LeptonError(
      'invalid_request',
      `${MANIFEST_HEADER}: expected at most ${MAX_MANIFEST_BYTES} bytes, got ${text.length}`,
    );
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new LeptonError('invalid_request', `${MANIFEST_HEADER}: expected the manifest as JSON: ${String(cause)}`, {
      cause,
    });
  }
  const parsed = ManifestInput.safeParse(value);
  if (!parsed.success) throw invalidRequest(parsed.error, `manifest (header ${MANIFEST_HEADER})`);
  return parsed.data;
}
