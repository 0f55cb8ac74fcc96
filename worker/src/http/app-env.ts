/** What Hono's context carries in this app. */
import {
  PLACE_HEADER,
  PRIORITY_HEADER,
  priorityOfHeader,
  type Reference,
  STICKY_HEADER,
  TIMEOUT_HEADER,
  timeoutOfHeader,
} from '@lepton-edge/protocol';
import type { Context } from 'hono';
import { readCacheControl } from '../cache/freshness.ts';
import type { WaitUntil } from '../cache/single-flight.ts';
import type { Gateway, Principal, ServiceContext } from '../context.ts';
import type { Env } from '../env.ts';
import type { ModelCall } from '../infer/model-call.ts';
import type { Timings } from '../infer/timings.ts';
import type { Tracing } from '../infer/tracing.ts';

export interface AppEnv {
  Bindings: Env;
  Variables: {
    gateway: Gateway;
    tracing: Tracing;
    /** By `performance.now()`. */
    arrivedAt: number;
    /** Set once a call of a model has begun. */
    timings?: Timings;
    /** The answer, where it was made with the request's id in it. */
    identified?: Response;
    /** Set behind `authenticate`. */
    principal: Principal;
    /** Set behind `readJson`: the body as it came. */
    body?: Uint8Array<ArrayBuffer>;
  };
}

export type AppContext = Context<AppEnv>;

/** Keeps work alive after the answer. */
export function waitUntilOf(c: AppContext): WaitUntil {
  return (promise) => c.executionCtx.waitUntil(promise);
}

/** What a request says of a call of a model. @throws LeptonError `invalid_request` for a header that is none */
export function modelCallOf(c: AppContext, ref: Reference, timings: Timings): ModelCall {
  timings.arrived(c.get('arrivedAt'));
  c.set('timings', timings);
  return {
    ref,
    principal: c.get('principal'),
    place: c.req.header(PLACE_HEADER),
    directives: readCacheControl(c.req.header('cache-control')),
    sticky: c.req.header(STICKY_HEADER),
    tracing: c.get('tracing'),
    arrivedAt: c.get('arrivedAt'),
    timeoutMs: timeoutOfHeader(c.req.header(TIMEOUT_HEADER)),
    priority: priorityOfHeader(c.req.header(PRIORITY_HEADER)),
    timings,
    waitUntil: waitUntilOf(c),
  };
}

/** The context of a service, from that of a request. */
export function serviceContext(c: AppContext): ServiceContext {
  return {
    gateway: c.get('gateway'),
    principal: c.get('principal'),
    origin: new URL(c.req.url).origin,
    waitUntil: waitUntilOf(c),
  };
}
