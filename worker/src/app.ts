/** Puts the routes together: what a path means, and what happens to one that means nothing. */
import { LeptonError } from '@lepton-edge/protocol';
import type { Gateway } from './context.ts';
import type { AppContext } from './http/app-env.ts';
import { documentOf } from './http/document.ts';
import { errorResponse } from './http/error-response.ts';
import { createApi } from './http/openapi.ts';
import { allowedOrigins } from './middleware/allowed-origins.ts';
import { conditional } from './middleware/conditional.ts';
import { observe } from './middleware/observe.ts';
import { readRefusedBody } from './middleware/read-refused-body.ts';
import { requestId } from './middleware/request-id.ts';
import { wakeSealer } from './middleware/wake-sealer.ts';
import { accessRoutes } from './routes/access.ts';
import { aliasRoutes } from './routes/aliases.ts';
import { auditRoutes } from './routes/audit.ts';
import { blobRoutes } from './routes/blobs.ts';
import { documentRoutes } from './routes/documents.ts';
import { grantRoutes } from './routes/grants.ts';
import { inferRoutes } from './routes/infer.ts';
import { documentInference } from './routes/inference-document.ts';
import { modelRoutes } from './routes/models.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { openAiRoutes } from './routes/openai.ts';
import { repositoryRoutes } from './routes/repository.ts';
import { uploadRoutes } from './routes/uploads.ts';
import { versionRoutes } from './routes/versions.ts';

/** Paths of the gateway itself; every other one is the console's. */
const OWN_PATHS = /^\/(api|v1|v2|docs|\.well-known)(\/|$)|^\/(metrics|openapi\.json)$/;

/** @param gatewayOf makes the isolate's gateway on the first request and answers the same one from then on */
export function createApp(gatewayOf: (env: AppContext['env']) => Gateway) {
  const app = createApi();
  app.use(requestId());
  app.use(readRefusedBody());
  app.use(function withGateway(c, next) {
    c.set('gateway', gatewayOf(c.env));
    return next();
  });
  for (const path of ['/v1/*', '/v2/*']) app.use(path, observe(), allowedOrigins());
  app.use('/api/*', wakeSealer());
  app.use('/api/*', conditional());
  for (const routes of [
    modelRoutes,
    versionRoutes,
    aliasRoutes,
    grantRoutes,
    uploadRoutes,
    blobRoutes,
    accessRoutes,
    auditRoutes,
    nodeRoutes,
  ]) {
    app.route('/', routes);
  }
  app.route('/', inferRoutes);
  app.route('/', repositoryRoutes);
  app.route('/', openAiRoutes);
  app.route('/', documentRoutes);
  documentInference(app.openAPIRegistry);
  let document: ReturnType<typeof documentOf> | undefined;
  app.get('/openapi.json', (c) => {
    document ??= documentOf(app);
    return c.json(document);
  });
  app.onError((error, c) => errorResponse(c, error));
  const methodsAt = methodTable(app.routes);
  app.notFound(async (c) => {
    const { pathname } = new URL(c.req.url);
    if (!OWN_PATHS.test(pathname)) {
      const asset = await c.get('gateway').assets.fetch(c.req.raw);
      // What was fetched takes no more headers.
      return new Response(asset.body, asset);
    }
    const methods = methodsAt(pathname);
    if (methods.length === 0) return errorResponse(c, new LeptonError('path_not_found', `nothing is at ${pathname}`));
    c.header('allow', methods.join(', '));
    const expected = `expected ${methods.join(' or ')}`;
    return errorResponse(c, new LeptonError('method_not_allowed', `${pathname}: ${expected}, got ${c.req.method}`));
  });
  return app;
}

/** Which methods a path has, for those who come with another one. */
function methodTable(routes: readonly { method: string; path: string }[]): (path: string) => string[] {
  const table = routes
    .filter(({ method, path }) => method !== 'ALL' && !path.endsWith('*'))
    .map(({ method, path }) => ({
      method,
      pattern: new RegExp(`^${path.replace(/[.]/g, '\\.').replace(/:[^/]+/g, '[^/]+')}$`),
    }));
  return (path) => {
    const methods = new Set(table.filter(({ pattern }) => pattern.test(path)).map(({ method }) => method));
    if (methods.has('GET')) methods.add('HEAD');
    return [...methods].sort();
  };
}
