import { expect, it } from 'vitest';
import type { Gateway } from '../context.ts';
import type { LiveNode } from '../hubs/fleet-hub.ts';
import type { KnownVersion } from '../services/directory.ts';
import { callNode } from './call-node.ts';
import { Timings } from './timings.ts';
import { Tracing } from './tracing.ts';

it('a call of a node goes on with the trace of the request', async () => {
  const sent: Headers[] = [];
  const gateway = {
    signer: { callToken: async () => 'call', grantToken: async () => 'grant' },
    fetch: async (_url: string, { headers }: RequestInit) => {
      sent.push(new Headers(headers));
      return new Response('done');
    },
  } as unknown as Gateway;
  const node = { name: 'n', heartbeat: { url: 'http://node' } } as LiveNode;
  const version = { model: 'm', version: 1, digest: 'sha256:0' } as unknown as KnownVersion;
  const schedule = { tenant: 'team', priority: undefined, deadline: undefined };
  const callWith = (tracing: Tracing) =>
    callNode(
      gateway,
      node,
      { version, path: '/', headers: {}, body: '', schedule, tracing, read: (response) => response.text() },
      new Timings(),
    );
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const parent = '00f067aa0ba902b7';
  const tracing = new Tracing('req_1', `00-${trace}-${parent}-01`, 'a=1');
  expect(await callWith(tracing)).toEqual({ ok: true, value: 'done' });
  await callWith(tracing);
  await callWith(new Tracing('req_2', undefined, undefined));
  const [first, again, other] = sent;
  expect(first?.get('x-request-id')).toBe('req_1');
  expect(first?.get('traceparent')).toMatch(new RegExp(`^00-${trace}-(?!${parent})[\\da-f]{16}-01$`));
  expect(first?.get('tracestate')).toBe('a=1');
  expect(again?.get('traceparent')).toBe(first?.get('traceparent'));
  expect(other?.get('traceparent')).toMatch(/^00-(?!4bf92f)[\da-f]{32}-[\da-f]{16}-00$/);
});
