/** CORS for the data plane: only for the origins the gateway is configured with, none by default. */
import {
  CACHE_HEADER,
  DIGEST_HEADER,
  HEADER_LENGTH,
  MODEL_HEADER,
  PLACEMENT_HEADER,
  REQUEST_ID_HEADER,
} from '@lepton-edge/protocol';
import type { MiddlewareHandler } from 'hono';
import { cors } from 'hono/cors';
import type { AppEnv } from '../http/app-env.ts';

export const allowedOrigins = (): MiddlewareHandler<AppEnv> => {
  const answer = cors({
    origin: (origin, c) => (c.get('gateway').settings.corsOrigins.includes(origin) ? origin : null),
    allowMethods: ['GET', 'POST', 'OPTIONS'],
    exposeHeaders: [
      MODEL_HEADER,
      PLACEMENT_HEADER,
      CACHE_HEADER,
      REQUEST_ID_HEADER,
      HEADER_LENGTH,
      DIGEST_HEADER,
      'server-timing',
      'age',
      'ratelimit',
      'ratelimit-policy',
      'retry-after',
    ],
    maxAge: 600,
  });
  return (c, next) => (c.get('gateway').settings.corsOrigins.length === 0 ? next() : answer(c, next));
};
