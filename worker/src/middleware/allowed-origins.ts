/** CORS for the data plane: only for the origins the gateway is configured with, none by default. */
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { AppEnv } from '../http/app-env.ts';
import { HEADER_COMPONENTS } from '../http/declared-headers.ts';

export const allowedOrigins = (): MiddlewareHandler<AppEnv> => {
  const answer = cors({
    origin: (origin, c) => (c.get('gateway').settings.corsOrigins.includes(origin) ? origin : null),
    allowMethods: ['GET', 'POST', 'OPTIONS'],
    exposeHeaders: Object.keys(HEADER_COMPONENTS),
    maxAge: 600,
  });
  return (c, next) => (c.get('gateway').settings.corsOrigins.length === 0 ? next() : answer(c, next));
};
