/** By which names a request is known in logs and traces, here and on the nodes that work on it. */
import {
  newSpanId,
  REQUEST_ID_HEADER,
  TRACEPARENT_HEADER,
  TRACESTATE_HEADER,
  type TraceContext,
  traceHeaders,
  traceOf,
} from '@lepton-edge/protocol';
import type { Attributes, Span } from '../telemetry/span.ts';

/** A part of the request that goes on. */
export interface Part {
  /** Of a call that belongs to it. */
  headers(): Record<string, string>;
  note(attributes: Attributes): void;
  end(isError: boolean): void;
}

const random = (bytes: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(bytes);

export class Tracing {
  readonly requestId: string;
  /** Of the request. */
  readonly #headers: Headers;
  #trace: TraceContext | undefined;
  /** Takes the spans of a trace that is recorded. */
  #record: ((span: Span) => void) | undefined;
  /** What is to be told of the request itself. */
  readonly notes: Attributes = {};
  /** The body of its answer, as far as it is told of. */
  answer: string | Uint8Array | undefined;

  /** @param headers of the request: `traceparent` and `tracestate` are read when they are first needed */
  constructor(requestId: string, headers: Headers) {
    this.requestId = requestId;
    this.#headers = headers;
  }

  /** Made when it is first needed: most requests are answered without. */
  get trace(): TraceContext {
    this.#trace ??= traceOf(this.#parent, this.#headers.get(TRACESTATE_HEADER) ?? undefined, random);
    return this.#trace;
  }

  /** Whether anybody else may know the trace. */
  get isKnown(): boolean {
    return this.#trace !== undefined || this.#parent !== undefined;
  }

  get #parent(): string | undefined {
    return this.#headers.get(TRACEPARENT_HEADER) ?? undefined;
  }

  get isRecorded(): boolean {
    return this.#record !== undefined;
  }

  /** Records what follows where the caller's trace is sampled; of traces that begin here this one if `isChosen` says so. */
  sample(isChosen: () => boolean, record: (span: Span) => void): void {
    const sampled = this.trace.parentSpanId === undefined ? isChosen() : this.trace.sampled;
    this.#trace = { ...this.trace, sampled };
    if (sampled) this.#record = record;
  }

  /** Of a call of a node. */
  headers(): Record<string, string> {
    return { [REQUEST_ID_HEADER]: this.requestId, ...traceHeaders(this.trace) };
  }

  /** The request itself, from when it came to now. @param startedAt in ms since 1970 */
  endRequest(name: string, startedAt: number, attributes: Attributes, isError: boolean): void {
    const { traceId, spanId, parentSpanId, state } = this.trace;
    const span = {
      traceId,
      spanId,
      parentSpanId,
      state,
      name,
      kind: 'server',
      startedAt,
      endedAt: Date.now(),
    } as const;
    this.#record?.({ ...span, attributes: { ...attributes, ...this.notes }, isError });
  }

  /** Work of the request's own that has its own span. */
  async within<T>(name: string, work: (part: Part) => Promise<T>): Promise<T> {
    const part = this.begin(name, 'internal', {});
    let isError = true;
    try {
      const value = await work(part);
      isError = false;
      return value;
    } finally {
      part.end(isError);
    }
  }

  begin(name: string, kind: 'client' | 'internal', attributes: Attributes): Part {
    const record = this.#record;
    if (!record) return { headers: () => this.headers(), note() {}, end() {} };
    const { traceId, spanId: parentSpanId, state } = this.trace;
    const spanId = newSpanId(random);
    const startedAt = Date.now();
    const noted = { ...attributes };
    return {
      headers: () => ({ ...this.headers(), ...traceHeaders({ ...this.trace, spanId }) }),
      note: (more) => Object.assign(noted, more),
      end(isError) {
        const span = { traceId, spanId, parentSpanId, state, name, kind, startedAt, endedAt: Date.now() };
        record({ ...span, attributes: noted, isError });
      },
    };
  }
}
