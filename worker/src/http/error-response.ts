/** One mapper from a domain error to the error shape of the route family it happened in. */
import {
  LeptonError,
  openAiFailure,
  type Problem,
  SHOULD_RETRY_HEADER,
  shouldRetry,
  statusOf,
} from '@lepton-edge/protocol';
import { HTTPException } from 'hono/http-exception';
import { databaseAway } from '../db/database.ts';
import { log } from '../log.ts';
import type { AppContext } from './app-env.ts';

/** `/v2` answers `{"error": text}`, `/v1` the OpenAI envelope, everything else RFC 9457 problem details. */
export function errorResponse(c: AppContext, thrown: unknown): Response {
  const error = asLeptonError(thrown, c);
  const status = statusOf(error.code);
  if (error.retryAfterSeconds !== undefined) c.header('retry-after', String(error.retryAfterSeconds));
  if (status === 401) c.header('www-authenticate', 'Bearer');
  c.header('cache-control', 'no-store');
  const family = new URL(c.req.url).pathname.split('/')[1];
  if (family === 'v2') return c.json({ error: error.message, code: error.code }, status);
  if (family === 'v1') {
    c.header(SHOULD_RETRY_HEADER, String(shouldRetry(error)));
    return c.json(openAiFailure(error), status);
  }
  return c.json(problem(error, c.get('tracing').requestId), status, { 'content-type': 'application/problem+json' });
}

/** An error nobody expected is logged with its cause and answered with a fixed sentence. */
function asLeptonError(thrown: unknown, c: AppContext): LeptonError {
  if (thrown instanceof LeptonError) {
    if (statusOf(thrown.code) >= 500 && thrown.cause !== undefined) logFailure(thrown, c);
    return thrown;
  }
  if (thrown instanceof HTTPException && thrown.status < 500) {
    return new LeptonError(
      'invalid_request',
      `expected a JSON body with content-type application/json: ${thrown.message}`,
      {
        cause: thrown,
      },
    );
  }
  logFailure(thrown, c);
  const away = databaseAway(thrown);
  if (away) return away;
  return new LeptonError('internal', 'the gateway failed on this request; its log has the cause under the request id');
}

function logFailure(error: unknown, c: AppContext): void {
  const { requestId, trace } = c.get('tracing');
  const chain: string[] = [];
  for (let e: unknown = error; e !== undefined; e = e instanceof Error ? e.cause : undefined) {
    chain.push(e instanceof Error ? `${e.name}: ${e.message}` : String(e));
  }
  const about = { requestId, trace_id: trace.traceId, span_id: trace.spanId, method: c.req.method, path: c.req.path };
  const stack = error instanceof Error ? error.stack : undefined;
  log({ level: 'error', ...about, error: chain, stack });
}

function problem(error: LeptonError, requestId: string): Problem {
  return {
    type: 'about:blank',
    title: error.code.replaceAll('_', ' '),
    status: statusOf(error.code),
    detail: error.message,
    code: error.code,
    requestId,
    ...(error.errors ? { errors: error.errors } : {}),
  };
}
