/** `/openapi.json`: what the routes declare, and what is the same for many of them. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import { VERSION } from '../version.ts';
import type { AppEnv } from './app-env.ts';
import { declaredOf, HEADER_COMPONENTS } from './declared-headers.ts';

type Document = ReturnType<OpenAPIHono<AppEnv>['getOpenAPI31Document']>;

const METHODS = ['get', 'head', 'put', 'post', 'delete', 'patch'] as const;

const TAGS = [
  { name: 'Models', description: 'Names under which versions are collected.' },
  { name: 'Versions', description: 'Immutable files under a manifest.' },
  { name: 'Aliases', description: 'Movable pointers to versions.' },
  { name: 'Uploads', description: 'Resumable uploads of single files, in parts.' },
  { name: 'Blobs', description: 'Stored files, by content.' },
  { name: 'Access', description: 'Teams, keys and grants.' },
  { name: 'Audit', description: 'The log of every change.' },
  { name: 'Nodes', description: 'How gpu-nodes join, report and leave.' },
  { name: 'Inference', description: 'The Open Inference Protocol.' },
  { name: 'OpenAI', description: 'What clients of OpenAI’s API call.' },
  { name: 'Gateway', description: 'What describes the gateway itself.' },
];

const INFO = {
  title: 'Lepton Edge',
  version: VERSION,
  license: { name: 'MIT', identifier: 'MIT' },
  description: [
    'An inference gateway. `/api` is the control plane, `/v2` the Open Inference Protocol, `/v1` what clients of OpenAI’s API call.',
    'Errors of `/api` are problem details (RFC 9457) with a stable `code`. Lists take `limit` and `cursor` and answer `items` and, where there is more, `nextCursor`.',
  ].join('\n\n'),
};

const IF_NONE_MATCH = {
  name: 'if-none-match',
  in: 'header' as const,
  required: false,
  description: 'The ETag of what the caller has.',
  schema: { type: 'string' as const },
};

/** The document of an app; it is the same every time. */
export function documentOf(app: OpenAPIHono<AppEnv>): Document {
  app.openAPIRegistry.registerComponent('securitySchemes', 'key', {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key; the credential of a node where that is said.',
  });
  for (const [name, header] of Object.entries(HEADER_COMPONENTS)) {
    app.openAPIRegistry.registerComponent('headers', name, { ...header });
  }
  const document = app.getOpenAPI31Document({ openapi: '3.1.0', info: INFO, tags: TAGS, servers: [{ url: '/' }] });
  for (const item of Object.values(document.paths ?? {})) {
    for (const method of METHODS) {
      const operation = item[method];
      const responses = operation?.responses ?? {};
      const mayReplay = !!operation?.parameters?.some((each) => 'name' in each && each.name === 'idempotency-key');
      for (const [status, response] of Object.entries(responses)) {
        response.headers = { ...response.headers, ...declaredOf(status, mayReplay) };
      }
      if (operation && responses['304']) operation.parameters = [...(operation.parameters ?? []), IF_NONE_MATCH];
    }
  }
  return document;
}
