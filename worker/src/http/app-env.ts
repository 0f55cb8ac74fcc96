/** What Hono's context carries in this app. */
import type { Context } from 'hono';
import type { Gateway, Principal, ServiceContext } from '../context.ts';
import type { Env } from '../env.ts';

export interface AppEnv {
  Bindings: Env;
  Variables: {
    gateway: Gateway;
    requestId: string;
    /** Set behind `authenticate`. */
    principal: Principal;
    /** Set behind `readJson`: the body as it came. */
    body?: Uint8Array<ArrayBuffer>;
  };
}

export type AppContext = Context<AppEnv>;

/** The context of a service, from that of a request. */
export function serviceContext(c: AppContext): ServiceContext {
  return {
    gateway: c.get('gateway'),
    principal: c.get('principal'),
    origin: new URL(c.req.url).origin,
    waitUntil: (promise) => c.executionCtx.waitUntil(promise),
  };
}
