/** The error envelope of `/v1`. Source: OpenAI API reference, "Error codes"; the `openai` packages read all four fields. */
import { z } from 'zod';
import { type ErrorCode, type LeptonError, statusOf } from '../errors.ts';

export const OpenAiFailure = z.object({
  error: z.object({
    message: z.string(),
    type: z.string(),
    /** The field at fault. */
    param: z.string().nullable(),
    code: z.string().nullable(),
  }),
});
export type OpenAiFailure = z.infer<typeof OpenAiFailure>;

/** Tells the `openai` packages whether to send a failed request again; without it they go by the status. */
export const SHOULD_RETRY_HEADER = 'x-should-retry';

/** Where OpenAI has a word of its own for it. */
const OPENAI_CODES: Partial<Record<ErrorCode, string>> = {
  unauthenticated: 'invalid_api_key',
  quota_exceeded: 'rate_limit_exceeded',
};

export function openAiFailure(error: LeptonError): OpenAiFailure {
  const { message, errors } = error;
  const code = OPENAI_CODES[error.code] ?? error.code;
  return { error: { message, type: typeOf(statusOf(error.code)), param: errors?.[0]?.path ?? null, code } };
}

function typeOf(status: number): string {
  if (status === 401) return 'authentication_error';
  if (status === 403) return 'permission_error';
  if (status === 429) return 'rate_limit_error';
  return status >= 500 ? 'server_error' : 'invalid_request_error';
}

/** Whether the same request may go better later: overload and absence do, whatever the caller has to mend does not. */
export function shouldRetry(error: LeptonError): boolean {
  // Whoever wants nothing computed gets nothing else by asking again.
  if (error.code === 'not_cached') return false;
  const status = statusOf(error.code);
  return error.retryAfterSeconds !== undefined || status === 429 || status >= 500;
}
