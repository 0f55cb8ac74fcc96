/** After a change the audit log is sealed soon. */
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../http/app-env.ts';

/** Changes that come together are sealed together; a chain is to be up to date within 10 s. */
const DELAY_MS = 2_000;
/** These calls change nothing that is audited, and nodes make one every two seconds. */
const UNAUDITED = /\/heartbeat$|\/parts\/[0-9]+$/;

export const wakeSealer = (): MiddlewareHandler<AppEnv> =>
  async function wakeSealer(c, next) {
    await next();
    if (c.req.method === 'GET' || c.req.method === 'HEAD' || !c.res.ok || UNAUDITED.test(c.req.path)) return;
    c.executionCtx.waitUntil(c.get('gateway').janitors.wake('audit', DELAY_MS));
  };
