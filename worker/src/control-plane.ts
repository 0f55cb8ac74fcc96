/** `/api` and what describes the gateway; every path that is not the gateway's is the console's. */
import type { OpenAPIHono } from '@hono/zod-openapi';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from './http/app-env.ts';
import { documentOf } from './http/document.ts';
import { errorResponse } from './http/error-response.ts';
import { nothingAt } from './http/nothing-at.ts';
import { createApi } from './http/openapi.ts';
import { conditional } from './middleware/conditional.ts';
import { wakeSealer } from './middleware/wake-sealer.ts';
import { accessRoutes } from './routes/access.ts';
import { aliasRoutes } from './routes/aliases.ts';
import { auditRoutes } from './routes/audit.ts';
import { blobRoutes } from './routes/blobs.ts';
import { documentRoutes } from './routes/documents.ts';
import { grantRoutes } from './routes/grants.ts';
import { documentInference } from './routes/inference-document.ts';
import { modelRoutes } from './routes/models.ts';
import { nodeRoutes } from './routes/nodes.ts';
import { uploadRoutes } from './routes/uploads.ts';
import { versionRoutes } from './routes/versions.ts';

/** Of the gateway itself, beside those of the data plane. */
const PATHS = /^\/(api|docs|\.well-known)(\/|$)|^\/(metrics|openapi\.json)$/;

/** @param everywhere what surrounds every request to the gateway */
export function createControlPlane(everywhere: readonly MiddlewareHandler<AppEnv>[]): OpenAPIHono<AppEnv> {
  const app = createApi();
  app.use(...everywhere);
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
    documentRoutes,
  ]) {
    app.route('/', routes);
  }
  documentInference(app.openAPIRegistry);
  let document: ReturnType<typeof documentOf> | undefined;
  app.get('/openapi.json', (c) => {
    document ??= documentOf(app);
    return c.json(document);
  });
  app.onError((error, c) => errorResponse(c, error));
  const nothing = nothingAt(app.routes);
  app.notFound(async (c) => {
    if (PATHS.test(c.req.path)) return errorResponse(c, nothing(c));
    const asset = await c.get('gateway').assets.fetch(c.req.raw);
    // What was fetched takes no more headers.
    return new Response(asset.body, asset);
  });
  return app;
}
