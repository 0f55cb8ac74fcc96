/** W3C Trace Context, level 1: by which the logs of several programs tell one request. */

export const TRACEPARENT_HEADER = 'traceparent';
export const TRACESTATE_HEADER = 'tracestate';

const TRACEPARENT = /^(?!ff)([\da-f]{2})-(?!0{32})([\da-f]{32})-(?!0{16})([\da-f]{16})-([\da-f]{2})(-.*)?$/;
/** What everybody must pass on; of longer ones nothing is. */
const MAX_STATE = 512;
const SAMPLED = 1;
/** Of each byte. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** One program's part in a request. */
export interface TraceContext {
  /** 32 hex digits, the same in every program. */
  traceId: string;
  /** 16 hex digits, of this part. */
  spanId: string;
  /** The part that called; undefined where the trace begins here. */
  parentSpanId: string | undefined;
  sampled: boolean;
  /** Of tracing systems, passed on as it came. */
  state: string | undefined;
}

/** Fills with random bytes, as `crypto.getRandomValues` does. */
export type FillRandom = (bytes: Uint8Array<ArrayBuffer>) => unknown;

/** Goes on with the trace that came, or begins one where none did, or one that is none. */
export function traceOf(parent: string | undefined, state: string | undefined, random: FillRandom): TraceContext {
  const [, version, traceId, parentSpanId, flags = '', more] = TRACEPARENT.exec(parent ?? '') ?? [];
  if (traceId === undefined || (version === '00' && more !== undefined)) {
    return {
      traceId: hex(16, random),
      spanId: hex(8, random),
      parentSpanId: undefined,
      sampled: false,
      state: undefined,
    };
  }
  const kept = state !== undefined && /^[\t\x20-\x7e]+$/.test(state) && state.length <= MAX_STATE ? state : undefined;
  const sampled = (Number.parseInt(flags, 16) & SAMPLED) === SAMPLED;
  return { traceId, spanId: hex(8, random), parentSpanId, sampled, state: kept };
}

/** The headers of a call that belongs to it. */
export function traceHeaders({ traceId, spanId, sampled, state }: TraceContext): Record<string, string> {
  return {
    [TRACEPARENT_HEADER]: `00-${traceId}-${spanId}-0${sampled ? 1 : 0}`,
    ...(state === undefined ? {} : { [TRACESTATE_HEADER]: state }),
  };
}

/** A name for one more part of a trace: 16 hex digits. */
export function newSpanId(random: FillRandom): string {
  return hex(8, random);
}

/** Never all zeros, which would be no id. */
function hex(length: number, random: FillRandom): string {
  const bytes = new Uint8Array(length);
  for (;;) {
    random(bytes);
    let text = '';
    let any = 0;
    for (const byte of bytes) {
      text += HEX[byte];
      any |= byte;
    }
    if (any !== 0) return text;
  }
}
