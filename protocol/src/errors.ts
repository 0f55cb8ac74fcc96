/** The closed list of error codes, each with the HTTP status it travels under, and the error that carries one. */

export const ERROR_STATUS = {
  invalid_request: 400,
  invalid_json: 400,
  invalid_tensor: 400,
  inference_failed: 400,
  placement_not_allowed: 400,
  unauthenticated: 401,
  missing_scope: 403,
  path_not_found: 404,
  model_not_found: 404,
  version_not_found: 404,
  alias_not_found: 404,
  blob_not_found: 404,
  node_not_found: 404,
  node_token_not_found: 404,
  team_not_found: 404,
  key_not_found: 404,
  upload_not_found: 404,
  grant_not_found: 404,
  method_not_allowed: 405,
  request_timeout: 408,
  name_taken: 409,
  version_not_ready: 409,
  revision_conflict: 409,
  model_in_use: 409,
  version_in_use: 409,
  upload_incomplete: 409,
  request_in_flight: 409,
  already_issued: 409,
  audit_broken: 409,
  length_required: 411,
  body_too_large: 413,
  larger_than_quota: 413,
  encoding_not_supported: 415,
  range_not_satisfiable: 416,
  model_invalid: 422,
  digest_mismatch: 422,
  idempotency_mismatch: 422,
  node_unverified: 422,
  overloaded: 429,
  quota_exceeded: 429,
  internal: 500,
  no_placement: 503,
  version_admitting: 503,
  unavailable: 503,
  deadline_exceeded: 504,
  not_cached: 504,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

/** One field of a request that did not meet its schema: `path` is dotted (`targets.0.weight`). */
export interface FieldError {
  path: string;
  message: string;
}

export interface LeptonErrorOptions {
  cause?: unknown;
  /** The fields at fault, for errors about a request's body. */
  errors?: FieldError[];
  /** When the caller may try again, for overload and absence. */
  retryAfterSeconds?: number;
}

/** A failure with a stable code; `message` is written for the caller and may be shown to them. Knows no HTTP. */
export class LeptonError extends Error {
  override readonly name = 'LeptonError';
  readonly code: ErrorCode;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ErrorCode, message: string, options: LeptonErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** The HTTP status an error code travels under. */
export function statusOf(code: ErrorCode): (typeof ERROR_STATUS)[ErrorCode] {
  return ERROR_STATUS[code];
}

/** Whether a string received from elsewhere is one of our codes. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_STATUS, code);
}
