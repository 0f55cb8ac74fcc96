/** `/api/models/{model}/versions`: immutable versions. */
import { createRoute } from '@hono/zod-openapi';
import {
  ArchiveVersionInput,
  Digest,
  GRANT_HEADER,
  LeptonError,
  ManifestInput,
  PageQuery,
  pageOf,
  Version,
  VersionNumber,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { type AppContext, serviceContext } from '../http/app-env.ts';
import { contentLength } from '../http/body.ts';
import { createApi, invalidRequest, json, jsonBody, KEY, problems } from '../http/openapi.ts';
import { readGrant } from '../infer/read-grant.ts';
import { authenticate } from '../middleware/authenticate.ts';
import { archiveVersion } from '../services/versions/archive.ts';
import { createVersion, MAX_UPLOAD_BYTES } from '../services/versions/create.ts';
import { getGrantedVersion, getVersion, listVersions } from '../services/versions/read.ts';
import { ModelParam } from './models.ts';

const MANIFEST_HEADER = 'x-lepton-manifest';
const UPLOAD_DIGEST_HEADER = 'x-lepton-digest';
const MAX_MANIFEST_BYTES = 8192;

const create = createRoute({
  method: 'post',
  path: '/api/models/{model}/versions',
  tags: ['Versions'],
  summary: 'Upload an ONNX file as the next version',
  description: `The body is the file itself, with its Content-Length (curl -X POST -T model.onnx), at most ${MAX_UPLOAD_BYTES} bytes.`,
  security: KEY,
  middleware: [authenticate('models:write')] as const,
  request: {
    params: ModelParam,
    headers: z.object({
      [MANIFEST_HEADER]: z.string().optional().describe('The manifest as JSON, at most 8 KB.'),
      [UPLOAD_DIGEST_HEADER]: Digest.optional().describe('What the bytes must be; checked when given.'),
    }),
    body: {
      content: { 'application/octet-stream': { schema: z.any().meta({ type: 'string', format: 'binary' }) } },
      required: true,
    },
  },
  responses: { 202: json(Version, 'The version.'), ...problems(400, 401, 403, 404, 411, 413, 422) },
});

const list = createRoute({
  method: 'get',
  path: '/api/models/{model}/versions',
  tags: ['Versions'],
  summary: 'List versions, newest first',
  security: KEY,
  middleware: [authenticate('models:read')] as const,
  request: { params: ModelParam, query: PageQuery },
  responses: { 200: json(pageOf(Version), 'A page of versions.'), ...problems(400, 401, 403, 404) },
});

const get = createRoute({
  method: 'get',
  path: '/api/models/{model}/versions/{version}',
  tags: ['Versions'],
  summary: 'Read a version',
  security: KEY,
  middleware: [authenticate('models:read', 'node')] as const,
  request: { params: ModelParam.extend({ version: VersionNumber }) },
  responses: { 200: json(Version, 'The version.'), ...problems(400, 401, 403, 404) },
});

const archive = createRoute({
  method: 'post',
  path: '/api/models/{model}/versions/{version}/archive',
  tags: ['Versions'],
  summary: 'Archive a version',
  description: 'It runs no more; its record and its files stay. Refused while an alias points at it.',
  security: KEY,
  middleware: [authenticate('models:write')] as const,
  request: { params: ModelParam.extend({ version: VersionNumber }), body: jsonBody(ArchiveVersionInput) },
  responses: { 200: json(Version, 'The version, archived.'), ...problems(400, 401, 403, 404, 409) },
});

export const versionRoutes = createApi()
  .openapi(create, async (c) => {
    const { model } = c.req.valid('param');
    const { body, sizeBytes } = uploadBody(c);
    const version = await createVersion(serviceContext(c), model, {
      body,
      sizeBytes,
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

/** @throws LeptonError `length_required`, `body_too_large`, or `invalid_request` for no body or one that is JSON. */
function uploadBody(c: AppContext): { body: ReadableStream<Uint8Array>; sizeBytes: number } {
  if (/^application\/([\w.-]+\+)?json\b/i.test(c.req.header('content-type') ?? '')) {
    throw new LeptonError('invalid_request', 'expected the .onnx file itself as the body, got JSON');
  }
  const sizeBytes = contentLength(c.req.raw);
  if (sizeBytes === undefined) {
    throw new LeptonError(
      'length_required',
      'expected a Content-Length header: send the file with its size (curl -X POST -T model.onnx)',
    );
  }
  if (sizeBytes > MAX_UPLOAD_BYTES) {
    throw new LeptonError('body_too_large', `expected a file of at most ${MAX_UPLOAD_BYTES} bytes, got ${sizeBytes}`);
  }
  const { body } = c.req.raw;
  if (!body || sizeBytes === 0)
    throw new LeptonError('invalid_request', 'expected the .onnx file as the body, got none');
  return { body, sizeBytes };
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
