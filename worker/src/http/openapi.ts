/** What the route files share: an app whose inputs meet their schema, and the answers every route can give. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { LeptonError, Problem } from '@lepton-edge/protocol';
import { TrieRouter } from 'hono/router/trie-router';
import { z } from 'zod';
import type { AppEnv } from './app-env.ts';
import './components.ts';
import { declared } from './declared-headers.ts';

export function createApi(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
    // Of a router by one regular expression no place may have a word and a parameter, as `/api/nodes/tokens/…` and `/api/nodes/{id}/…` are.
    router: new TrieRouter(),
    defaultHook(result) {
      if (!result.success) throw invalidRequest(result.error, result.target);
    },
  });
}

/** @param where `json`, `query`, `param` or `header`: what did not meet its schema */
export function invalidRequest(error: z.ZodError, where: string): LeptonError {
  const errors = error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
  const place = where === 'json' ? 'the body' : `the ${where}`;
  const sentences = errors.map(({ path, message }) => (path ? `${path}: ${message}` : message));
  return new LeptonError('invalid_request', `${place} is not as expected: ${sentences.join('; ')}`, { errors });
}

/** A JSON answer of a schema. */
export function json<T extends z.ZodType>(schema: T, description: string) {
  return { content: { 'application/json': { schema } }, description };
}

/** The JSON of what was made, with its place in `location`. */
export function made<T extends z.ZodType>(schema: T, description: string) {
  return { ...json(schema, description), headers: declared('location') };
}

/** A JSON answer that tells its ETag: who has it already is answered 304. */
export function cacheable<T extends z.ZodType>(schema: T, description: string) {
  const headers = {
    ETag: { description: 'Names this answer, for `If-None-Match`.', schema: { type: 'string' as const } },
  };
  return {
    200: { ...json(schema, description), headers },
    304: { description: 'It is what the caller has (`If-None-Match`).', headers },
  };
}

/** Of a route that makes or changes something. `worker/src/middleware/idempotency.ts` reads it. */
export const IdempotencyHeaders = z.object({
  'idempotency-key': z
    .string()
    .regex(/^[ -~]{1,255}$/)
    .optional()
    .describe(
      'Sent again within 24 h with the same key, path and body, the call is not done twice: the first answer comes again, with the header `idempotency-replayed: true`.',
    ),
});

/** A JSON body of a schema; it is required. */
export function jsonBody<T extends z.ZodType>(schema: T) {
  return { content: { 'application/json': { schema } }, required: true as const };
}

const DESCRIPTIONS = {
  400: 'The request does not meet its schema.',
  401: 'No key, or one that is not known here.',
  403: 'The key lacks the scope.',
  404: 'Not there, or not visible to this key.',
  409: 'It is in another state than the request expects.',
  411: 'The request has no Content-Length.',
  413: 'The body is too large.',
  416: 'The range is not within the file.',
  422: 'What was sent cannot be accepted.',
  429: 'Too much at once: try again after the time told.',
  500: 'The gateway failed; its log has the cause under the request id.',
  503: 'It cannot be done now: try again after the time told.',
} as const;

type Failure = keyof typeof DESCRIPTIONS;

/** The failures of a route, as problem details; 500 and 503 are of every route. */
export function problems<S extends Failure>(...statuses: S[]) {
  const answer = (status: Failure) => ({
    content: { 'application/problem+json': { schema: Problem } },
    description: DESCRIPTIONS[status] as string,
  });
  const all = [...statuses, 500 as const, 503 as const];
  return Object.fromEntries(all.map((status) => [status, answer(status)])) as Record<
    S | 500 | 503,
    ReturnType<typeof answer>
  >;
}

/** Every route behind a key. */
export const KEY = [{ key: [] }];
