import { describe, expect, it } from 'vitest';
import { type FillRandom, traceHeaders, traceOf } from './trace-context.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const random: FillRandom = (bytes) => crypto.getRandomValues(bytes);

describe('a trace', () => {
  it('goes on under a span of its own, with the state as it came', () => {
    const trace = traceOf(`00-${TRACE}-${PARENT}-01`, 'a=1,b=2', random);
    expect(trace).toMatchObject({ traceId: TRACE, parentSpanId: PARENT, sampled: true });
    expect(trace.spanId).not.toBe(PARENT);
    expect(traceHeaders(trace)).toEqual({ traceparent: `00-${TRACE}-${trace.spanId}-01`, tracestate: 'a=1,b=2' });
  });

  it('of a later version goes on, too, in the form that is known here', () => {
    const trace = traceOf(`01-${TRACE}-${PARENT}-fe-more`, undefined, random);
    expect(traceHeaders(trace)).toEqual({ traceparent: `00-${TRACE}-${trace.spanId}-00` });
  });

  it.each([
    undefined,
    '',
    `ff-${TRACE}-${PARENT}-01`,
    `00-${TRACE}-${PARENT}-01-more`,
    `00-${TRACE}-${PARENT}-1`,
    `00-${TRACE.toUpperCase()}-${PARENT}-01`,
    `00-${'0'.repeat(32)}-${PARENT}-01`,
    `00-${TRACE}-${'0'.repeat(16)}-01`,
  ])('begins here after %j, and its state ends', (parent) => {
    const trace = traceOf(parent, 'a=1', random);
    expect(trace.parentSpanId).toBeUndefined();
    expect(trace.traceId).not.toBe(TRACE);
    expect(traceHeaders(trace)).toEqual({ traceparent: expect.stringMatching(/^00-[\da-f]{32}-[\da-f]{16}-00$/) });
  });

  it('loses a state that is longer than must be passed on, or no text of a header', () => {
    for (const state of ['a'.repeat(513), 'a=é', '']) {
      expect(traceOf(`00-${TRACE}-${PARENT}-01`, state, random).state).toBeUndefined();
    }
  });

  it('has no id of zeros', () => {
    let fills = 0;
    const trace = traceOf(undefined, undefined, (bytes) => bytes.fill(fills++ % 2));
    expect(trace).toMatchObject({ traceId: '01'.repeat(16), spanId: '01'.repeat(8) });
  });
});
