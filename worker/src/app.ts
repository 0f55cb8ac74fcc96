/** The gateway's two planes, and what surrounds every request to either. */
import type { MiddlewareHandler } from 'hono';
import type { Gateway } from './context.ts';
import { createControlPlane } from './control-plane.ts';
import { createDataPlane, isDataPlane } from './data-plane.ts';
import type { Env } from './env.ts';
import type { AppEnv } from './http/app-env.ts';
import { framed } from './middleware/framed.ts';

/** @param gatewayOf makes the isolate's gateway on the first request and answers the same one from then on */
export function createApp(gatewayOf: (env: Env) => Gateway) {
  const withGateway: MiddlewareHandler<AppEnv> = (c, next) => {
    c.set('gateway', gatewayOf(c.env));
    return next();
  };
  const everywhere = [framed(), withGateway];
  const control = createControlPlane(everywhere);
  const data = createDataPlane(everywhere);
  return {
    routes: [...control.routes, ...data.routes],
    fetch: (request: Request, env: Env, context: ExecutionContext) =>
      (isDataPlane(request) ? data : control).fetch(request, env, context),
  };
}
