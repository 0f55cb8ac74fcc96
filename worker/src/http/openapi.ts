/** What the route files share: an app whose inputs meet their schema, and the answers every route can give. */
import { OpenAPIHono } from '@hono/zod-openapi';
import { LeptonError, Problem } from '@lepton-edge/protocol';
import type { z } from 'zod';
import type { AppEnv } from './app-env.ts';

export function createApi(): OpenAPIHono<AppEnv> {
  return new OpenAPIHono<AppEnv>({
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
  503: 'It cannot be done now: try again after the time told.',
} as const;

/** The failures of a route, as problem details. */
export function problems<S extends keyof typeof DESCRIPTIONS>(...statuses: S[]) {
  const answer = (status: S) => ({
    content: { 'application/problem+json': { schema: Problem } },
    description: DESCRIPTIONS[status] as string,
  });
  return Object.fromEntries(statuses.map((status) => [status, answer(status)])) as Record<S, ReturnType<typeof answer>>;
}

/** Every route behind a key. */
export const KEY = [{ key: [] }];
