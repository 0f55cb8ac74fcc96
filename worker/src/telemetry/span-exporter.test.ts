import { describe, expect, it } from 'vitest';
import type { Span } from './span.ts';
import { SpanExporter } from './span-exporter.ts';

const span: Span = {
  traceId: '4bf92f3577b34da6a3ce929d0e0e4736',
  spanId: '00f067aa0ba902b7',
  parentSpanId: undefined,
  state: undefined,
  name: 'POST /v2/models/:ref/infer',
  kind: 'server',
  startedAt: 1_700_000_000_000.25,
  endedAt: 1_700_000_000_005,
  attributes: { text: 'x', whole: 200, part: 0.5, whole_double: { doubleValue: 3 }, yes: true, none: undefined },
  isError: true,
};

/** A collector that answers as told, on a clock that stands unless it is moved. */
function exporterTo(answer: () => Response | Promise<Response>) {
  const state = {
    now: 0,
    waits: 0,
    bodies: [] as string[],
    lines: [] as { message: string }[],
    kept: [] as Promise<unknown>[],
  };
  const exporter = new SpanExporter(
    {
      url: 'http://collector/v1/traces',
      headers: { a: 'b' },
      resource: { 'service.name': 's' },
      scope: { name: 'l', version: '1' },
    },
    {
      fetch: async (_url, init) => {
        state.bodies.push(String(init?.body));
        return await answer();
      },
      now: () => state.now,
      wait: async () => void state.waits++,
      log: (line) => state.lines.push(line),
    },
  );
  const flush = async () => {
    exporter.flushSoon((promise) => state.kept.push(promise));
    await Promise.all(state.kept);
  };
  return { exporter, state, flush };
}

describe('spans', () => {
  it('are sent together, in the form of OTLP’s JSON', async () => {
    const { exporter, state, flush } = exporterTo(() => new Response('{}'));
    exporter.add(span);
    exporter.flushSoon((promise) => state.kept.push(promise));
    exporter.add({ ...span, parentSpanId: '00f067aa0ba902b8', kind: 'client', isError: false });
    await flush();
    expect(state.bodies).toHaveLength(1);
    const { resourceSpans } = JSON.parse(state.bodies[0] as string);
    expect(resourceSpans[0].resource.attributes).toEqual([{ key: 'service.name', value: { stringValue: 's' } }]);
    const [server, client] = resourceSpans[0].scopeSpans[0].spans;
    expect(server).toEqual({
      traceId: span.traceId,
      spanId: span.spanId,
      name: span.name,
      kind: 2,
      startTimeUnixNano: '1700000000000250000',
      endTimeUnixNano: '1700000000005000000',
      attributes: [
        { key: 'text', value: { stringValue: 'x' } },
        { key: 'whole', value: { intValue: '200' } },
        { key: 'part', value: { doubleValue: 0.5 } },
        { key: 'whole_double', value: { doubleValue: 3 } },
        { key: 'yes', value: { boolValue: true } },
      ],
      status: { code: 2 },
    });
    expect(client).toMatchObject({ parentSpanId: '00f067aa0ba902b8', kind: 3, status: {} });
  });

  it('that come while others are sent are collected for the next time', async () => {
    let left = 200;
    const { exporter, state, flush } = exporterTo(() => {
      // There is always one more request.
      if (left-- > 0) exporter.add(span);
      return new Response('{}');
    });
    exporter.add(span);
    await flush();
    expect(state.bodies.length).toBeLessThanOrEqual(20);
    expect(state.waits).toBe(state.bodies.length);
    left = 0;
    await flush();
    const sent = state.bodies.flatMap((body) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans);
    expect(sent).toHaveLength(state.bodies.length);
  });

  it('of which there are many are not waited for, and none is left', async () => {
    const { exporter, state, flush } = exporterTo(() => {
      if (state.bodies.length === 2) exporter.add(span);
      return new Response('{}');
    });
    for (let i = 0; i < 600; i++) exporter.add(span);
    await flush();
    expect(state.bodies.map((body) => JSON.parse(body).resourceSpans[0].scopeSpans[0].spans.length)).toEqual([
      512, 88, 1,
    ]);
  });

  it('of a collector that is away are dropped, which is said once, and it is left alone for a while', async () => {
    let isAway = true;
    const { exporter, state, flush } = exporterTo(() => {
      if (isAway) throw new TypeError('connection refused');
      return new Response('{}');
    });
    for (let i = 0; i < 3; i++) {
      exporter.add(span);
      await flush();
    }
    expect(state.bodies).toHaveLength(1);
    state.now = 5_000;
    exporter.add(span);
    await flush();
    expect(state.bodies).toHaveLength(2);
    isAway = false;
    state.now = 15_000;
    exporter.add(span);
    await flush();
    expect(state.lines).toEqual([
      { level: 'warn', message: 'spans cannot be exported and are dropped', reason: 'connection refused' },
      { level: 'info', message: 'spans are exported again', dropped: 4 },
    ]);
  });

  it('wait as long as the collector asks for, and are bounded in number', async () => {
    const { exporter, state, flush } = exporterTo(
      () => new Response(null, { status: 429, headers: { 'retry-after': '30' } }),
    );
    for (let i = 0; i < 3_000; i++) exporter.add(span);
    await flush();
    expect(JSON.parse(state.bodies[0] as string).resourceSpans[0].scopeSpans[0].spans).toHaveLength(512);
    state.now = 29_000;
    exporter.add(span);
    await flush();
    expect(state.bodies).toHaveLength(1);
    state.now = 30_000;
    exporter.add(span);
    await flush();
    expect(state.bodies).toHaveLength(2);
  });
});
