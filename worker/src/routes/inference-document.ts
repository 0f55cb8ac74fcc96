/** What `/openapi.json` says of the plain routes: the Open Inference Protocol and what describes the gateway. */
import {
  HEADER_LENGTH,
  InferRequestBody,
  InferResponseBody,
  ModelMetadata,
  ModelReady,
  ServerMetadata,
} from '@lepton-edge/protocol';
import { z } from 'zod';
import { declared, OF_A_MODEL, underQuota } from '../http/declared-headers.ts';
import { json, KEY } from '../http/openapi.ts';
import { documentOpenAi } from './openai-document.ts';
import { CALL_HEADERS, failures, PLACES, type Registry, type Route } from './plain-document.ts';
import { documentRepository } from './repository-document.ts';

const bytes = z.any().meta({ type: 'string', format: 'binary' });

/** Registers them; nothing is routed by this. */
export function documentInference(registry: Registry): void {
  const add = (route: Route) => registry.registerPath(route);
  const open = { method: 'get' as const, tags: ['Inference'] };
  add({
    ...open,
    path: '/v2/health/live',
    operationId: 'getLiveness',
    summary: 'Whether the gateway lives',
    responses: { 200: json(z.object({ live: z.literal(true) }), 'It does.') },
  });
  add({
    ...open,
    path: '/v2/health/ready',
    operationId: 'getReadiness',
    summary: 'Whether the gateway takes requests',
    responses: { 200: json(z.object({ ready: z.literal(true) }), 'It does.'), ...failures(503) },
  });
  add({
    ...open,
    path: '/v2',
    operationId: 'getServerMetadata',
    summary: 'Read what the server is',
    security: KEY,
    responses: { 200: json(ServerMetadata, 'The server.'), ...failures(401, 403, 500, 503) },
  });
  for (const place of PLACES) documentModel(add, place);
  documentRepository(add);
  documentOpenAi(add);
  documentGateway(add);
}

function documentModel(add: (route: Route) => void, { path, params, of }: (typeof PLACES)[number]): void {
  const base = `/v2/models/{ref}${path}`;
  const common = { tags: ['Inference'], security: KEY, request: { params } };
  add({
    ...common,
    method: 'get',
    path: base,
    operationId: `get${of || 'Model'}Metadata`,
    summary: 'Read the names, datatypes and shapes of a model',
    responses: { 200: json(ModelMetadata, 'The model.'), ...failures(400, 401, 403, 404, 500, 503) },
  });
  add({
    ...common,
    method: 'get',
    path: `${base}/ready`,
    operationId: `get${of || 'Model'}Readiness`,
    summary: 'Whether an inference would work now',
    responses: { 200: json(ModelReady, 'It would.'), ...failures(400, 401, 403, 404, 500, 503) },
  });
  const content = (schema: z.ZodType) => ({
    'application/json': { schema },
    'application/octet-stream': { schema: bytes },
  });
  add({
    ...common,
    method: 'post',
    path: `${base}/infer`,
    operationId: `infer${of}`,
    summary: 'Run a model',
    description: `JSON, or with the header \`${HEADER_LENGTH}\` JSON followed by the tensors’ bytes (the binary tensor data extension). At most 16 MiB. May be compressed, see \`content-encoding\`. The request’s parameters \`timeout\` (in microseconds), \`priority\` and \`placement\` say the same as headers.`,
    request: {
      params,
      headers: z.object({
        [HEADER_LENGTH]: z
          .string()
          .regex(/^\d+$/)
          .optional()
          .describe(
            'The length of the JSON part before compression, in bytes; 0: the body is the data of the only input.',
          ),
        ...CALL_HEADERS,
        'content-encoding': z.enum(['gzip', 'deflate', 'identity']).optional().describe('How the body is compressed.'),
      }),
      body: { required: true, content: content(InferRequestBody) },
    },
    responses: underQuota({
      200: {
        description: 'The outputs.',
        content: content(InferResponseBody),
        headers: declared(...OF_A_MODEL, HEADER_LENGTH),
      },
      ...failures(400, 401, 403, 404, 408, 413, 415, 429, 500, 503, 504),
    }),
  });
}

function documentGateway(add: (route: Route) => void): void {
  const open = { method: 'get' as const, tags: ['Gateway'] };
  add({
    ...open,
    path: '/.well-known/jwks.json',
    operationId: 'getPublicKeys',
    summary: 'Read the public keys the gateway signs with',
    responses: { 200: json(z.object({ keys: z.array(z.record(z.string(), z.unknown())) }), 'A JWK set (RFC 7517).') },
  });
  add({
    ...open,
    path: '/openapi.json',
    operationId: 'getDocument',
    summary: 'Read this document',
    responses: { 200: json(z.looseObject({ openapi: z.string() }), 'The document.') },
  });
  add({
    ...open,
    path: '/docs',
    operationId: 'getDocs',
    summary: 'Read this document as a page',
    responses: { 200: { description: 'A page.', content: { 'text/html': { schema: z.string() } } } },
  });
}
