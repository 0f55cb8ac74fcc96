/** Tells of each request of the data plane when it has been answered: a line in the log, a span; whichever is configured. */
import { CACHE_HEADER, DIGEST_HEADER, LeptonError, MODEL_HEADER, PLACEMENT_HEADER } from '@lepton-edge/protocol';
import type { MiddlewareHandler } from 'hono';
import { routePath } from 'hono/route';
import { type AppContext, type AppEnv, waitUntilOf } from '../http/app-env.ts';
import { log } from '../log.ts';
import type { Attributes } from '../telemetry/span.ts';

export const observe = (): MiddlewareHandler<AppEnv> => (c, next) => {
  const { settings, spans } = c.get('gateway');
  const isSilent = (!settings.accessLog && !spans) || c.req.path.startsWith('/v2/health/');
  return isSilent ? next() : observed(c, next);
};

async function observed(c: AppContext, next: () => Promise<void>): Promise<void> {
  const { settings, spans, random } = c.get('gateway');
  const tracing = c.get('tracing');
  if (spans && settings.otlp) {
    const { ratio } = settings.otlp;
    tracing.sample(
      () => random() < ratio,
      (span) => spans.add(span),
    );
  }
  await next();
  const ms = performance.now() - c.get('arrivedAt');
  if (settings.accessLog) logRequest(c, ms);
  if (spans && tracing.isRecorded) {
    const { status } = c.res;
    tracing.endRequest(`${c.req.method} ${routeOf(c)}`, Date.now() - ms, attributesOf(c), status >= 500);
    spans.flushSoon(waitUntilOf(c));
  }
}

/** Neither keys nor inputs are in it. */
function logRequest(c: AppContext, ms: number): void {
  const tracing = c.get('tracing');
  const { status, headers } = c.res;
  log({
    level: status >= 500 ? 'error' : 'info',
    message: status < 400 ? 'a request was answered' : 'a request was refused',
    requestId: tracing.requestId,
    ...(tracing.isKnown ? { trace_id: tracing.trace.traceId, span_id: tracing.trace.spanId } : {}),
    method: c.req.method,
    path: c.req.path,
    status,
    ...(c.error ? { code: codeOf(c.error) } : {}),
    // The clock of an isolate may tell whole milliseconds only.
    ms: rounded(ms),
    keyId: c.get('principal')?.keyId,
    team: c.get('principal')?.teamId,
    model: headers.get(MODEL_HEADER) ?? undefined,
    digest: headers.get(DIGEST_HEADER) ?? undefined,
    placement: headers.get(PLACEMENT_HEADER) ?? undefined,
    cache: headers.get(CACHE_HEADER) ?? undefined,
    requestBytes: numberOf(c.req.header('content-length')),
    responseBytes: answerBytesOf(c),
    phases: phasesOf(c),
  });
}

/** Named as OpenTelemetry's conventions for HTTP name it, and what is ours under `lepton`. */
function attributesOf(c: AppContext): Attributes {
  const { status, headers } = c.res;
  const { protocol, hostname, port, pathname } = new URL(c.req.url);
  const principal = c.get('principal');
  const phases = Object.entries(phasesOf(c) ?? {});
  return {
    'http.request.method': c.req.method,
    'http.route': routeOf(c),
    'http.response.status_code': status,
    'http.request.body.size': numberOf(c.req.header('content-length')),
    'http.response.body.size': answerBytesOf(c),
    'url.scheme': protocol.slice(0, -1),
    'url.path': pathname,
    'server.address': hostname,
    'server.port': port ? Number(port) : undefined,
    'user_agent.original': c.req.header('user-agent'),
    'error.type': c.error ? codeOf(c.error) : undefined,
    'lepton.request.id': c.get('tracing').requestId,
    'lepton.key.id': principal?.keyId,
    'lepton.team.id': principal?.teamId,
    'lepton.model': headers.get(MODEL_HEADER) ?? undefined,
    'lepton.digest': headers.get(DIGEST_HEADER) ?? undefined,
    'lepton.placement': headers.get(PLACEMENT_HEADER) ?? undefined,
    'lepton.cache': headers.get(CACHE_HEADER) ?? undefined,
    ...Object.fromEntries(phases.map(([name, doubleValue]) => [`lepton.phase.${name}_ms`, { doubleValue }])),
  };
}

/** `/v2/models/:ref/infer` */
function routeOf(c: AppContext): string {
  return routePath(c, -1);
}

function phasesOf(c: AppContext): Record<string, number> | undefined {
  const phases = Object.entries(c.get('timings')?.phases() ?? {});
  return phases.length === 0 ? undefined : Object.fromEntries(phases.map(([name, ms]) => [name, rounded(ms)]));
}

/** Of an inference. */
function answerBytesOf(c: AppContext): number | undefined {
  const { answer } = c.get('tracing');
  return typeof answer === 'string' ? new TextEncoder().encode(answer).byteLength : answer?.byteLength;
}

function codeOf(error: Error): string {
  return error instanceof LeptonError ? error.code : 'internal';
}

function numberOf(text: string | undefined): number | undefined {
  return text ? Number(text) : undefined;
}

function rounded(ms: number): number {
  return Math.round(ms * 100) / 100;
}
