/** Gives every request an id: the caller's, where it is a sensible one, or a new one; it is in the answer and in the log. */
import { REQUEST_ID_HEADER } from '@lepton-edge/protocol';
import type { MiddlewareHandler } from 'hono';
import { newId } from '../db/ids.ts';
import type { AppEnv } from '../http/app-env.ts';

export const requestId = (): MiddlewareHandler<AppEnv> =>
  async function requestId(c, next) {
    const given = c.req.header(REQUEST_ID_HEADER);
    const id = given !== undefined && /^[\w.:-]{1,64}$/.test(given) ? given : newId('req');
    c.set('requestId', id);
    await next();
    c.header(REQUEST_ID_HEADER, id);
  };
