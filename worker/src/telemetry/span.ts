/** A part of a request as tracing systems know it, and its form in OTLP's JSON (opentelemetry-proto 1.9, JSON Protobuf Encoding). */

/** A double stays one where its value happens to be whole. */
type Attribute = string | boolean | number | readonly string[] | { doubleValue: number } | undefined;
export type Attributes = Record<string, Attribute>;

/** As OTLP numbers them. */
const SPAN_KIND = { internal: 1, server: 2, client: 3 } as const;
const STATUS_ERROR = 2;

export interface Span {
  /** 32 and 16 hex digits. */
  traceId: string;
  spanId: string;
  parentSpanId: string | undefined;
  /** The caller's `tracestate`. */
  state: string | undefined;
  name: string;
  kind: keyof typeof SPAN_KIND;
  /** In ms since 1970. */
  startedAt: number;
  endedAt: number;
  attributes: Attributes;
  /** Whether it failed for a reason of its own side. */
  isError: boolean;
}

/** Longer texts are cut: callers choose some of them. */
const MAX_TEXT = 512;

/** The body of `POST /v1/traces`. */
export function otlpRequest(spans: readonly Span[], resource: Attributes, scope: { name: string; version: string }) {
  const scopeSpans = [{ scope, spans: spans.map(otlpSpan) }];
  return { resourceSpans: [{ resource: { attributes: keyValues(resource) }, scopeSpans }] };
}

function otlpSpan({ traceId, spanId, parentSpanId, state, name, kind, startedAt, endedAt, ...rest }: Span) {
  return {
    traceId,
    spanId,
    ...(parentSpanId === undefined ? {} : { parentSpanId }),
    ...(state === undefined ? {} : { traceState: state }),
    name,
    kind: SPAN_KIND[kind],
    startTimeUnixNano: nanos(startedAt),
    endTimeUnixNano: nanos(Math.max(startedAt, endedAt)),
    attributes: keyValues(rest.attributes),
    status: rest.isError ? { code: STATUS_ERROR } : {},
  };
}

/** 64-bit numbers are texts. */
function nanos(ms: number): string {
  return String(BigInt(Math.round(ms * 1_000)) * 1_000n);
}

function keyValues(attributes: Attributes) {
  return Object.entries(attributes).flatMap(([key, value]) =>
    value === undefined ? [] : [{ key, value: anyValue(value) }],
  );
}

function anyValue(value: NonNullable<Attribute>) {
  if (Array.isArray(value)) return { arrayValue: { values: value.map((text) => ({ stringValue: text })) } };
  if (typeof value === 'object') return value;
  if (typeof value === 'string') return { stringValue: value.slice(0, MAX_TEXT) };
  if (typeof value === 'boolean') return { boolValue: value };
  return Number.isInteger(value) ? { intValue: String(value) } : { doubleValue: value };
}
