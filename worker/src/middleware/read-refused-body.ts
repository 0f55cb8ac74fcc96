/**
 * Reads on and throws away the body of a request that was refused before all of it was read. Otherwise the connection is
 * closed while the caller still sends, and many clients report a broken pipe instead of the answer.
 */
import { statusOf } from '@lepton-edge/protocol';
import type { MiddlewareHandler } from 'hono';
import type { AppEnv } from '../http/app-env.ts';

const MAX_BYTES = 128 * 1024 * 1024;

export const readRefusedBody = (): MiddlewareHandler<AppEnv> =>
  async function readRefusedBody(c, next) {
    await next();
    const { status } = c.res;
    // One that came too slowly is waited for no longer.
    if (status < 400 || status === statusOf('request_timeout')) return;
    const { body } = c.req.raw;
    if (body && !body.locked) await discard(body);
  };

/** Up to a bound: who sends on beyond it finds the connection closed. */
async function discard(body: ReadableStream<Uint8Array>): Promise<void> {
  let left = MAX_BYTES;
  try {
    for await (const chunk of body) {
      left -= chunk.byteLength;
      if (left < 0) return;
    }
  } catch {
    // The caller went away or the body was cancelled: there is nobody left to read on for.
  }
}
