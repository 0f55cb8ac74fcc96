/** By which names a request is known in logs, here and on the nodes that work on it. */
import { REQUEST_ID_HEADER, type TraceContext, traceHeaders, traceOf } from '@lepton-edge/protocol';

export class Tracing {
  readonly requestId: string;
  readonly #parent: string | undefined;
  readonly #state: string | undefined;
  #trace: TraceContext | undefined;

  /** @param parent the caller's `traceparent` @param state its `tracestate` */
  constructor(requestId: string, parent: string | undefined, state: string | undefined) {
    this.requestId = requestId;
    this.#parent = parent;
    this.#state = state;
  }

  /** Made when it is first needed: most requests are answered without. */
  get trace(): TraceContext {
    this.#trace ??= traceOf(this.#parent, this.#state, (bytes) => crypto.getRandomValues(bytes));
    return this.#trace;
  }

  /** Of a call of a node. */
  headers(): Record<string, string> {
    return { [REQUEST_ID_HEADER]: this.requestId, ...traceHeaders(this.trace) };
  }
}
