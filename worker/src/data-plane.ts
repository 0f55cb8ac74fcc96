/** `/v1` and `/v2`: where models are called. Of each route one function, since here every microsecond counts. */
import { Hono, type MiddlewareHandler } from 'hono';
import { getPath } from 'hono/utils/url';
import type { AppContext, AppEnv } from './http/app-env.ts';
import { chained } from './http/chained.ts';
import { errorResponse } from './http/error-response.ts';
import { nothingAt } from './http/nothing-at.ts';
import { RememberingRouter } from './http/remembering-router.ts';
import { allowedOrigins } from './middleware/allowed-origins.ts';
import { observe } from './middleware/observe.ts';
import { inferRoutes } from './routes/infer.ts';
import { openAiRoutes } from './routes/openai.ts';
import { repositoryRoutes } from './routes/repository.ts';

const PATHS = /^\/v[12](\/|$)/;

/** By the path as routes are found by it. */
export function isDataPlane(request: Request): boolean {
  return PATHS.test(getPath(request));
}

/** @param everywhere what surrounds every request to the gateway */
export function createDataPlane(everywhere: readonly MiddlewareHandler<AppEnv>[]): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ router: new RememberingRouter() });
  const around = [...everywhere, observe(), allowedOrigins()];
  for (const { routes } of [inferRoutes, repositoryRoutes, openAiRoutes]) {
    // Of each the last one is the handler; what guards it stands on the very same route, before it.
    const ends = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));
    for (const end of ends.values()) {
      const guards = routes.filter(({ method, path }) => method === end.method && path === end.path).slice(0, -1);
      const middleware = guards.map(({ handler }) => handler as MiddlewareHandler<AppEnv>);
      app.on(end.method, end.path, chained([...around, ...middleware], end.handler, errorResponse));
    }
  }
  app.onError((error, c) => errorResponse(c, error));
  const nothing = nothingAt(app.routes);
  const refuse = (c: AppContext) => Promise.reject<Response>(nothing(c));
  app.notFound(chained(around, refuse, errorResponse));
  return app;
}
