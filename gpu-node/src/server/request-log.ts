/** One line of the log for every request: what it was, how it ended, and by which names the gateway's log knows it. */
import type { IncomingMessage } from 'node:http';
import { LeptonError, statusOf, TRACEPARENT_HEADER, TRACESTATE_HEADER, traceOf } from '@lepton-edge/protocol';
import type { Logger } from 'pino';
import { CallerGone } from '../core/claim.ts';

interface LoggedRequest {
  request: IncomingMessage;
  requestId: string;
  /** Without its query. */
  path: string;
  /** Of `performance.now()`. */
  startedAt: number;
  /** Undefined where nobody was left to be answered. */
  status: number | undefined;
  /** `name@version`, where one answered. */
  model: string | undefined;
  /** Why it was not answered as it was meant to be. */
  error: unknown;
}

export type LogRequest = (logged: LoggedRequest) => void;

/** Failures of the node are warnings and errors; anything else is `info` or `debug`, and questions after health always `debug`. */
export function requestLog(log: Logger, isAccessLog: boolean): LogRequest {
  return ({ request, requestId, path, startedAt, status, model, error }) => {
    const level = levelOf(error) ?? (isAccessLog && !path.startsWith('/v2/health/') ? 'info' : 'debug');
    if (!log.isLevelEnabled(level)) return;
    const about = {
      requestId,
      ...traceIds(request),
      method: request.method,
      path,
      status,
      ms: Math.round((performance.now() - startedAt) * 1000) / 1000,
      ...(model === undefined ? {} : { model }),
      ...causeOf(error),
    };
    log[level](about, sentenceOf(error));
  };
}

function levelOf(error: unknown): 'warn' | 'error' | undefined {
  if (error === undefined || error instanceof CallerGone) return undefined;
  if (!(error instanceof LeptonError)) return 'error';
  return statusOf(error.code) >= 500 ? 'warn' : undefined;
}

function sentenceOf(error: unknown): string {
  if (error === undefined) return 'a request was answered';
  if (error instanceof CallerGone) return 'the caller left';
  if (!(error instanceof LeptonError)) return 'a request failed';
  return statusOf(error.code) >= 500 ? 'a request was not served' : 'a request was refused';
}

function causeOf(error: unknown) {
  if (error === undefined || error instanceof CallerGone) return {};
  if (!(error instanceof LeptonError)) return { err: error };
  const { code, message } = error;
  return statusOf(code) >= 500 ? { code, err: error } : { code, reason: message };
}

/** Named as OpenTelemetry names them in logs. Nothing where no trace came: nobody else would know one that began here. */
function traceIds({ headers }: IncomingMessage) {
  const parent = headers[TRACEPARENT_HEADER];
  const state = headers[TRACESTATE_HEADER];
  const trace = traceOf(textOf(parent), textOf(state), (bytes) => crypto.getRandomValues(bytes));
  const { traceId, spanId, parentSpanId } = trace;
  return parentSpanId === undefined ? {} : { trace_id: traceId, span_id: spanId, parent_span_id: parentSpanId };
}

function textOf(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header.join(',') : header;
}
