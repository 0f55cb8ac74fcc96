/** ETag and If-None-Match on what the control plane answers to a GET: who has it already is told so. */
import type { MiddlewareHandler } from 'hono';
import { etag } from 'hono/etag';
import type { AppEnv } from '../http/app-env.ts';

/** Files have their own; what nodes report changes every two seconds; a verification is worth its time each time. */
const EXCLUDED = /^\/api\/(blobs|nodes|audit\/verify)(\/|$)/;

export const conditional = (): MiddlewareHandler<AppEnv> => {
  // Weak: a proxy may compress the body on its way.
  const answer = etag({ weak: true });
  return async function conditional(c, next) {
    const isRead = c.req.method === 'GET' || c.req.method === 'HEAD';
    if (!isRead || EXCLUDED.test(c.req.path)) return await next();
    return await answer(c, async () => {
      await next();
      if (c.res.ok) c.header('cache-control', 'private, no-cache');
    });
  };
};
