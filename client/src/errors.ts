/** The errors of the client: an answer of failure, no answer at all, a version that was refused. */
import type { FieldError, Version } from '@lepton-edge/protocol';

export interface GatewayErrorOptions {
  status: number;
  code?: string | undefined;
  requestId?: string | undefined;
  errors?: FieldError[] | undefined;
  retryAfterSeconds?: number | undefined;
  cause?: unknown;
}

/** `status` is the HTTP status, 0 when no answer came; `code` is the gateway's error code where it gave one. */
export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly status: number;
  readonly code: string | undefined;
  readonly requestId: string | undefined;
  readonly errors: FieldError[] | undefined;
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, options: GatewayErrorOptions) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = options.status;
    this.code = options.code;
    this.requestId = options.requestId;
    this.errors = options.errors;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}

/** Admission refused a version; the message says why. */
export class VersionRejectedError extends Error {
  override readonly name = 'VersionRejectedError';
  readonly version: Version;

  constructor(version: Version) {
    const { model, version: number, reason } = version;
    super(`${model}@${number} was rejected at admission: ${reason ?? 'the gateway gave no reason'}`);
    this.version = version;
  }
}

/** Reads a failed answer of either error shape: problem+json (`/api`) or `{"error": …}` (`/v2`, `/v1`). */
export async function errorFrom(response: Response): Promise<GatewayError> {
  const text = await response.text();
  const body = parse(text);
  const error = body.error;
  const message =
    (typeof error === 'string' && error) ||
    (isObject(error) && typeof error.message === 'string' && error.message) ||
    (typeof body.detail === 'string' && body.detail) ||
    `the gateway answered ${response.status} ${response.statusText}`;
  return new GatewayError(message, {
    status: response.status,
    code: typeof body.code === 'string' ? body.code : undefined,
    requestId: response.headers.get('x-request-id') ?? undefined,
    errors: Array.isArray(body.errors) ? (body.errors as FieldError[]) : undefined,
    retryAfterSeconds: secondsOf(response.headers.get('retry-after')),
  });
}

/** `Retry-After` comes as seconds or as a date. Source: RFC 9110, section 10.2.3. */
function secondsOf(header: string | null): number | undefined {
  if (header === null) return undefined;
  if (/^\s*\d+\s*$/.test(header)) return Number(header);
  const at = Date.parse(header);
  return Number.isNaN(at) ? undefined : Math.max(0, (at - Date.now()) / 1000);
}

function parse(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : {};
  } catch {
    return {};
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
