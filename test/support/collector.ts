/** An OTLP/HTTP collector: keeps the spans that come, and checks that they have the form of the JSON mapping. */
import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

const Int64 = z.string().regex(/^-?\d+$/);
const scalar = [
  z.strictObject({ stringValue: z.string() }),
  z.strictObject({ boolValue: z.boolean() }),
  z.strictObject({ intValue: Int64 }),
  z.strictObject({ doubleValue: z.number() }),
];
const AnyValue = z.union([
  ...scalar,
  z.strictObject({ arrayValue: z.strictObject({ values: z.array(z.union(scalar)) }) }),
]);
const Attributes = z.array(z.strictObject({ key: z.string().min(1), value: AnyValue }));
const SpanId = z.string().regex(/^(?!0{16})[\da-f]{16}$/);

/** `ExportTraceServiceRequest` of opentelemetry-proto 1.9, as far as it is used. */
const ExportRequest = z.strictObject({
  resourceSpans: z.array(
    z.strictObject({
      resource: z.strictObject({ attributes: Attributes }),
      scopeSpans: z.array(
        z.strictObject({
          scope: z.strictObject({ name: z.string(), version: z.string() }),
          spans: z.array(
            z.strictObject({
              traceId: z.string().regex(/^(?!0{32})[\da-f]{32}$/),
              spanId: SpanId,
              parentSpanId: SpanId.optional(),
              traceState: z.string().optional(),
              name: z.string().min(1),
              kind: z.int().min(1).max(5),
              startTimeUnixNano: Int64,
              endTimeUnixNano: Int64,
              attributes: Attributes,
              status: z.strictObject({ code: z.int().min(0).max(2).optional() }),
            }),
          ),
        }),
      ),
    }),
  ),
});

/** A span as it came, its attributes and its program's by name. */
export interface CollectedSpan {
  traceId: string;
  spanId: string;
  parentSpanId?: string | undefined;
  name: string;
  kind: number;
  status: { code?: number | undefined };
  attributes: Record<string, unknown>;
  resource: Record<string, unknown>;
  /** Of the request it came with. */
  headers: IncomingHttpHeaders;
}

/** Answers `GET` with `{spans, faults}`: what came, and what was wrong with it. */
export async function startCollector(): Promise<{ url: string; close(): void }> {
  const spans: CollectedSpan[] = [];
  const faults: string[] = [];
  const server = createServer(async (request, response) => {
    if (request.method === 'GET') {
      response.end(JSON.stringify({ spans, faults }));
      return;
    }
    let text = '';
    for await (const chunk of request) text += chunk;
    const parsed = ExportRequest.safeParse(JSON.parse(text));
    if (request.url !== '/v1/traces') faults.push(`came to ${request.url}`);
    if (parsed.success) spans.push(...spansOf(parsed.data, request.headers));
    else faults.push(z.prettifyError(parsed.error));
    response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{}}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${port}`, close };
}

function spansOf(request: z.infer<typeof ExportRequest>, headers: IncomingHttpHeaders): CollectedSpan[] {
  return request.resourceSpans.flatMap(({ resource, scopeSpans }) =>
    scopeSpans.flatMap(({ spans }) =>
      spans.map((span) => ({
        ...span,
        attributes: byName(span.attributes),
        resource: byName(resource.attributes),
        headers,
      })),
    ),
  );
}

function byName(attributes: z.infer<typeof Attributes>): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
