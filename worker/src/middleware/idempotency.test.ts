import { Hono } from 'hono';
import { expect, it } from 'vitest';
import { openD1 } from '../../../test/support/d1-on-sqlite.ts';
import type { Gateway, Principal } from '../context.ts';
import { openDatabase } from '../db/database.ts';
import type { AppEnv } from '../http/app-env.ts';
import { errorResponse } from '../http/error-response.ts';
import { Tracing } from '../infer/tracing.ts';
import { idempotent } from './idempotency.ts';

/** A call that fails with each of these in turn, and then is done. */
function callOf(...failures: string[]) {
  let now = 1_000_000;
  let done = 0;
  const gateway = { db: openDatabase(openD1().binding as D1Database), now: () => now } as Gateway;
  const app = new Hono<AppEnv>();
  app.use(async (c, next) => {
    c.set('gateway', gateway);
    c.set('tracing', new Tracing('req_1', new Headers()));
    c.set('principal', { keyId: 'key_1' } as Principal);
    c.set('body', new Uint8Array());
    await next();
  });
  app.post('/api/things', idempotent(), (c) => {
    const failure = failures.shift();
    if (failure !== undefined) throw new Error(failure);
    return c.json({ done: ++done }, 201);
  });
  app.onError((error, c) => errorResponse(c, error));
  const waits = { waitUntil: () => undefined, passThroughOnException: () => undefined, props: {} };
  const send = async () => {
    const request = new Request('http://gateway/api/things', { method: 'POST', headers: { 'idempotency-key': 'k' } });
    const answer = await app.fetch(request, {} as AppEnv['Bindings'], waits as never);
    return [answer.status, ((await answer.json()) as { code?: string }).code];
  };
  return {
    send,
    pass: (ms: number) => {
      now += ms;
    },
  };
}

it('a call that may be done, since its database did not answer, is not done again before its lease ends', async () => {
  const { send, pass } = callOf('D1_ERROR: Network connection lost.');
  expect(await send()).toEqual([503, 'unavailable']);
  expect(await send()).toEqual([409, 'request_in_flight']);
  pass(60_001);
  expect(await send()).toEqual([201, undefined]);
});

it('a call that failed otherwise may be sent again at once', async () => {
  const { send } = callOf('D1_ERROR: no such column: x: SQLITE_ERROR');
  expect(await send()).toEqual([500, 'internal']);
  expect(await send()).toEqual([201, undefined]);
  expect(await send()).toEqual([201, undefined]);
});
