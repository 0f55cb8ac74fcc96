/** The headers of answers, as `/openapi.json` declares them and a page of another origin may read them. */
import {
  CACHE_HEADER,
  DIGEST_HEADER,
  HEADER_LENGTH,
  MODEL_HEADER,
  PLACEMENT_HEADER,
  REQUEST_ID_HEADER,
  SHOULD_RETRY_HEADER,
} from '@lepton-edge/protocol';

interface Declared {
  description: string;
  /** Whether every answer that declares it has it. */
  required: boolean;
  schema: { type: 'string' | 'integer'; enum?: string[]; pattern?: string; minimum?: number };
}

const SECONDS = { type: 'integer' as const, minimum: 0 };

const HEADERS = {
  [REQUEST_ID_HEADER]: {
    description: 'Names the request in the logs: the caller’s own id where it sent a sensible one.',
    required: true,
    schema: { type: 'string', pattern: '^[\\w.:-]{1,64}$' },
  },
  [MODEL_HEADER]: {
    description: 'The version that answered: `name@3`.',
    required: true,
    schema: { type: 'string', pattern: '^[^@]+@[1-9][0-9]*$' },
  },
  [DIGEST_HEADER]: {
    description: 'The digest of that version.',
    required: true,
    schema: { type: 'string', pattern: '^sha256:[0-9a-f]{64}$' },
  },
  [PLACEMENT_HEADER]: {
    description: 'Where it was answered: `edge`, `cache`, or `node:` and the id of the node.',
    required: true,
    schema: { type: 'string', pattern: '^(edge|cache|node:.+)$' },
  },
  [CACHE_HEADER]: {
    description: 'What became of the request in the cache of answers.',
    required: true,
    schema: { type: 'string', enum: ['hit', 'stale', 'miss', 'bypass'] },
  },
  age: {
    description: 'On `hit` and `stale`: how many seconds ago the answer was computed, the oldest part of it.',
    required: false,
    schema: SECONDS,
  },
  'server-timing': {
    description: 'Where the time went, by phase, in ms (W3C). Absent where no time could be measured.',
    required: false,
    schema: { type: 'string' },
  },
  [HEADER_LENGTH]: {
    description: 'Where tensors come as bytes: the length of the JSON part before them, before compression, in bytes.',
    required: false,
    schema: SECONDS,
  },
  ratelimit: {
    description: 'For a key with a quota: what is left of it (draft-ietf-httpapi-ratelimit-headers-11).',
    required: false,
    schema: { type: 'string' },
  },
  'ratelimit-policy': {
    description: 'For a key with a quota: what it is (draft-ietf-httpapi-ratelimit-headers-11).',
    required: false,
    schema: { type: 'string' },
  },
  'retry-after': {
    description: 'In how many seconds the same request may succeed. Absent where time alone does not help.',
    required: false,
    schema: SECONDS,
  },
  location: {
    description: 'The path at which what was made can be read.',
    required: false,
    schema: { type: 'string', pattern: '^/api/' },
  },
  'idempotency-replayed': {
    description: 'Where the answer is that of an earlier call with the same `Idempotency-Key`.',
    required: false,
    schema: { type: 'string', enum: ['true'] },
  },
  [SHOULD_RETRY_HEADER]: {
    description: 'Whether the `openai` packages are to try again.',
    required: true,
    schema: { type: 'string', enum: ['true', 'false'] },
  },
  'www-authenticate': { description: 'The scheme.', required: true, schema: { type: 'string', enum: ['Bearer'] } },
} satisfies Record<string, Declared>;

type HeaderName = keyof typeof HEADERS;
type References = Record<string, { $ref: string }>;

/** For `components.headers`. */
export const HEADER_COMPONENTS: Readonly<Record<string, Declared>> = HEADERS;

/** The `headers` of a response. */
export function declared(...names: HeaderName[]): References {
  return Object.fromEntries(names.map((name) => [name, { $ref: `#/components/headers/${name}` }]));
}

/** What an answer of a model says of itself. */
export const OF_A_MODEL = [
  MODEL_HEADER,
  DIGEST_HEADER,
  PLACEMENT_HEADER,
  CACHE_HEADER,
  'age',
  'server-timing',
] as const;

/** What every answer with this status has. @param mayReplay of an operation that takes an `Idempotency-Key` */
export function declaredOf(status: string, mayReplay: boolean): References {
  const mayPass = status === '409' || status === '429' || status === '503';
  return {
    ...declared(REQUEST_ID_HEADER),
    ...(mayReplay ? declared('idempotency-replayed') : {}),
    ...(status === '401' ? declared('www-authenticate') : {}),
    ...(mayPass ? declared('retry-after') : {}),
  };
}

/** Responses of a route behind `quota`: those that come after it tell the key's quota. */
export function underQuota<R extends { headers?: object }>(responses: Record<string, R>): Record<string, R> {
  const told = Object.entries(responses).map(([status, response]) => {
    const isBefore = status === '401' || status === '403';
    const headers = { ...response.headers, ...(isBefore ? {} : declared('ratelimit', 'ratelimit-policy')) };
    return [status, { ...response, headers }];
  });
  return Object.fromEntries(told);
}
