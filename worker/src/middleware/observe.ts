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
  if (!settings.accessLog && !tracing.isRecorded) return;
  const seen = seenOf(c, ms);
  const isError = seen.status >= 500;
  if (settings.accessLog) {
    const message = seen.status < 400 ? 'a request was answered' : 'a request was refused';
    const { traceId: trace_id, spanId: span_id } = tracing.isKnown ? tracing.trace : {};
    log({ level: isError ? 'error' : 'info', message, requestId: tracing.requestId, trace_id, span_id, ...seen });
  }
  if (spans && tracing.isRecorded) {
    tracing.endRequest(
      [seen.method, routeOf(c)].filter(Boolean).join(' '),
      Date.now() - ms,
      attributesOf(c, seen),
      isError,
    );
    spans.flushSoon(waitUntilOf(c));
  }
}

type Seen = ReturnType<typeof seenOf>;

/** What is told of a request, named as in the log. Neither keys nor inputs are in it. */
function seenOf(c: AppContext, ms: number) {
  const { status, headers } = c.res;
  const principal = c.get('principal');
  return {
    method: c.req.method,
    path: c.req.path,
    status,
    code: c.error && codeOf(c.error),
    // The clock of an isolate may tell whole milliseconds only.
    ms: rounded(ms),
    keyId: principal?.keyId,
    team: principal?.teamId,
    model: headers.get(MODEL_HEADER) ?? undefined,
    digest: headers.get(DIGEST_HEADER) ?? undefined,
    placement: headers.get(PLACEMENT_HEADER) ?? undefined,
    cache: headers.get(CACHE_HEADER) ?? undefined,
    requestBytes: numberOf(c.req.header('content-length')),
    responseBytes: answerBytesOf(c),
    phases: phasesOf(c),
  };
}

/** Named as OpenTelemetry's conventions for HTTP name it, and what is ours under `lepton`. */
function attributesOf(c: AppContext, seen: Seen): Attributes {
  const { protocol, hostname, port, pathname } = new URL(c.req.url);
  const phases = Object.entries(seen.phases ?? {});
  return {
    'http.request.method': seen.method,
    'http.route': routeOf(c),
    'http.response.status_code': seen.status,
    'http.request.body.size': seen.requestBytes,
    'http.response.body.size': seen.responseBytes,
    'url.scheme': protocol.slice(0, -1),
    'url.path': pathname,
    'server.address': hostname,
    'server.port': port ? Number(port) : undefined,
    'user_agent.original': c.req.header('user-agent'),
    'error.type': seen.code,
    'lepton.request.id': c.get('tracing').requestId,
    'lepton.key.id': seen.keyId,
    'lepton.team.id': seen.team,
    'lepton.model': seen.model,
    'lepton.digest': seen.digest,
    'lepton.placement': seen.placement,
    'lepton.cache': seen.cache,
    ...Object.fromEntries(phases.map(([name, doubleValue]) => [`lepton.phase.${name}_ms`, { doubleValue }])),
  };
}

/** `/v2/models/:ref/infer`; undefined where nothing is. */
function routeOf(c: AppContext): string | undefined {
  return routePath(c, -1) || undefined;
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
