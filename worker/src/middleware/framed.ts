/**
 * How every request begins and ends. It gets an id, the caller's where that is a sensible one, which is in the answer and in the log,
 * and goes on with its trace. Of one that was refused the rest of the body is read and thrown away: otherwise the connection is
 * closed while the caller still sends, and many clients report a broken pipe instead of the answer.
 */
import { REQUEST_ID_HEADER, statusOf } from '@lepton-edge/protocol';
import type { MiddlewareHandler } from 'hono';
import { newId } from '../db/ids.ts';
import { tell } from '../http/answer-headers.ts';
import type { AppContext, AppEnv } from '../http/app-env.ts';
import { Tracing } from '../infer/tracing.ts';

const MAX_DISCARDED_BYTES = 128 * 1024 * 1024;

export const framed = (): MiddlewareHandler<AppEnv> =>
  async function framed(c, next) {
    const given = c.req.header(REQUEST_ID_HEADER);
    const id = given !== undefined && /^[\w.:-]{1,64}$/.test(given) ? given : newId('req');
    c.set('tracing', new Tracing(id, c.req.raw.headers));
    c.set('arrivedAt', performance.now());
    await next();
    if (c.get('identified') === c.res) return;
    if (c.res.status >= 400) await discardBody(c);
    tell(c, REQUEST_ID_HEADER, id);
  };

async function discardBody(c: AppContext): Promise<void> {
  const { body } = c.req.raw;
  // One that came too slowly is waited for no longer.
  if (!body || body.locked || c.res.status === statusOf('request_timeout')) return;
  let left = MAX_DISCARDED_BYTES;
  try {
    for await (const chunk of body) {
      left -= chunk.byteLength;
      // Who sends on finds the connection closed.
      if (left < 0) return;
    }
  } catch {
    // The caller went away or the body was cancelled: there is nobody left to read on for.
  }
}
