/** Gives every request an id, the caller's where it is a sensible one, which is in the answer and in the log; and goes on with its trace. */
import { REQUEST_ID_HEADER, TRACEPARENT_HEADER, TRACESTATE_HEADER } from '@lepton-edge/protocol';
import type { MiddlewareHandler } from 'hono';
import { newId } from '../db/ids.ts';
import { tell } from '../http/answer-headers.ts';
import type { AppEnv } from '../http/app-env.ts';
import { Tracing } from '../infer/tracing.ts';

export const requestId = (): MiddlewareHandler<AppEnv> =>
  async function requestId(c, next) {
    const given = c.req.header(REQUEST_ID_HEADER);
    const id = given !== undefined && /^[\w.:-]{1,64}$/.test(given) ? given : newId('req');
    const parent = c.req.header(TRACEPARENT_HEADER);
    const state = parent === undefined ? undefined : c.req.header(TRACESTATE_HEADER);
    c.set('tracing', new Tracing(id, parent, state));
    c.set('arrivedAt', performance.now());
    await next();
    if (c.get('identified') !== c.res) tell(c, REQUEST_ID_HEADER, id);
  };
