/** Answers, and the one place where an error becomes one. */
import type { ServerResponse } from 'node:http';
import { LeptonError, openAiFailure, SHOULD_RETRY_HEADER, shouldRetry, statusOf } from '@lepton-edge/protocol';
import type { Family } from './route.ts';

export interface Reply {
  status: number;
  headers: Record<string, string>;
  body: string | Uint8Array;
}

/** The path is there, but not for this method. */
export class MethodNotAllowed extends LeptonError {
  readonly allow: string;

  constructor(method: string, allow: string) {
    super('method_not_allowed', `expected ${allow}, got ${method}`);
    this.allow = allow;
  }
}

const FIXED_SENTENCE = 'the node failed while it answered; its log has the cause under this request id';

export function json(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return jsonText(status, JSON.stringify(value), headers);
}

/** JSON that is text already. */
export function jsonText(status: number, body: string, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body };
}

/** An error body as the Open Inference Protocol has it, with our code, or as OpenAI has it. What is not a LeptonError shows nothing of itself. */
export function errorReply(error: unknown, family: Family): Reply {
  const known = error instanceof LeptonError ? error : new LeptonError('internal', FIXED_SENTENCE, { cause: error });
  const headers: Record<string, string> = {};
  if (known.retryAfterSeconds !== undefined) headers['retry-after'] = String(Math.ceil(known.retryAfterSeconds));
  if (known.code === 'unauthenticated') headers['www-authenticate'] = 'Bearer';
  if (known instanceof MethodNotAllowed) headers.allow = known.allow;
  if (family === 'openai') {
    headers[SHOULD_RETRY_HEADER] = String(shouldRetry(known));
    return json(statusOf(known.code), openAiFailure(known), headers);
  }
  const { message, code, errors } = known;
  return json(statusOf(code), { error: message, code, ...(errors ? { errors } : {}) }, headers);
}

/** Writes a whole answer. */
export function send(response: ServerResponse, reply: Reply): void {
  if (response.headersSent || response.destroyed) return;
  const length = typeof reply.body === 'string' ? Buffer.byteLength(reply.body) : reply.body.byteLength;
  response.writeHead(reply.status, { ...reply.headers, 'content-length': length });
  response.end(reply.body);
}
