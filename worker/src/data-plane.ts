/** `/v1` and `/v2`: where models are called. Of each route one function, since here every microsecond counts. */
import { Hono, type MiddlewareHandler } from 'hono';
import type { AppEnv } from './http/app-env.ts';
import { chained } from './http/chained.ts';
import { errorResponse } from './http/error-response.ts';
import { nothingAt } from './http/nothing-at.ts';
import { RememberingRouter } from './http/remembering-router.ts';
import { allowedOrigins } from './middleware/allowed-origins.ts';
import { observe } from './middleware/observe.ts';
import { inferRoutes } from './routes/infer.ts';
import { openAiRoutes } from './routes/openai.ts';
import { repositoryRoutes } from './routes/repository.ts';

const ADDRESSES = /^https?:\/\/[^/]+\/v[12](?:[/?#]|$)/;

export function isDataPlane(url: string): boolean {
  return ADDRESSES.test(url);
}

/** @param everywhere what surrounds every request to the gateway */
export function createDataPlane(everywhere: readonly MiddlewareHandler<AppEnv>[]): Hono<AppEnv> {
  const app = new Hono<AppEnv>({ router: new RememberingRouter() });
  const around = [...everywhere, observe(), allowedOrigins()];
  for (const { routes } of [inferRoutes, repositoryRoutes, openAiRoutes]) {
    // Of each the last one is the handler.
    const ends = new Map(routes.map((route) => [`${route.method} ${route.path}`, route]));
    for (const end of ends.values()) {
      const guards = routes.filter(({ method, path }) => method === end.method && path === end.path).slice(0, -1);
      const middleware = guards.map(({ handler }) => handler as MiddlewareHandler<AppEnv>);
      app.on(end.method, end.path, chained([...around, ...middleware], end.handler, errorResponse));
    }
  }
  app.notFound(chained(around, nothingAt(app.routes), errorResponse));
  return app;
}
