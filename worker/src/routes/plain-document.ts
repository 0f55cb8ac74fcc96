/** What the descriptions of plain routes share. */
import type { createRoute } from '@hono/zod-openapi';
import { InferenceFailure, PLACE_HEADER, PRIORITY_HEADER, STICKY_HEADER, TIMEOUT_HEADER } from '@lepton-edge/protocol';
import { z } from 'zod';
import { type createApi, json } from '../http/openapi.ts';

export type Registry = ReturnType<typeof createApi>['openAPIRegistry'];
export type Route = Parameters<typeof createRoute>[0];

export const DESCRIPTIONS: Record<number, string> = {
  400: 'The request is not as the protocol or the model expects.',
  401: 'No key, or one that is not known here.',
  403: 'The key lacks the scope.',
  404: 'There is no such model, version or alias for this key.',
  408: 'The body did not come in time.',
  413: 'The body is too large, as it came or inflated; or the quota of the key is smaller than what this needs.',
  415: 'The body has a Content-Encoding other than gzip and deflate.',
  429: 'Too much at once, or more than the quota of the key allows: try again after the time told.',
  500: 'The gateway failed; its log has the cause under the request id.',
  503: 'No placement can run it now: try again after the time told.',
  504: 'The time for it was over; or nothing is remembered, and the request wants nothing computed.',
};

export const failures = (...statuses: number[]) =>
  Object.fromEntries(statuses.map((status) => [status, json(InferenceFailure, DESCRIPTIONS[status] ?? '')]));

/** Of every call that runs a model. */
export const CALL_HEADERS = {
  'cache-control': z
    .string()
    .optional()
    .describe(
      'Which remembered answers will do (RFC 9111): `no-cache`, `no-store`, `only-if-cached`, `max-age`, `min-fresh`, `max-stale`, `stale-if-error`.',
    ),
  [TIMEOUT_HEADER]: z
    .string()
    .regex(/^[1-9]\d*$/)
    .optional()
    .describe('For how many milliseconds from its arrival an answer is of use; then it is 504.'),
  [PRIORITY_HEADER]: z
    .enum(['0', '1', '2', '3'])
    .optional()
    .describe('Which of the team’s own requests go first on a busy node: 1 (high), 2 or 0 (normal), 3 (low).'),
  [PLACE_HEADER]: z
    .enum(['edge', 'node'])
    .optional()
    .describe('Where it is to run, within the model’s policy; it is then not answered from the cache.'),
  [STICKY_HEADER]: z
    .string()
    .optional()
    .describe('Names the caller for traffic splits: the same name gets the same version as long as the alias stays.'),
};

const ref = z.string().describe('`name`, `name@alias` or `name@3`.');
export const PLACES = [
  { path: '', params: z.object({ ref }), of: '' },
  {
    path: '/versions/{version}',
    params: z.object({ ref: z.string(), version: z.string().meta({ pattern: '^[1-9][0-9]{0,8}$' }) }),
    of: 'Version',
  },
];
