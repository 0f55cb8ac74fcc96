import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, it, onTestFinished } from 'vitest';
import type { Gateway } from '../context.ts';
import type { LiveNode } from '../hubs/live-node.ts';
import type { KnownVersion } from '../services/directory.ts';
import { callNode } from './call-node.ts';
import { Timings } from './timings.ts';
import { Tracing } from './tracing.ts';

type Handler = Parameters<Server['on']>[1];

async function askOne(handler: Handler | 'gone') {
  const server = createServer().on('request', handler === 'gone' ? () => undefined : handler);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const end = () => {
    server.closeAllConnections();
    server.close();
  };
  if (handler === 'gone') end();
  else onTestFinished(end);
  const gateway = { fetch, signer: { callToken: async () => 't', grantToken: async () => 'g' } } as unknown as Gateway;
  const node = { id: 'n', name: 'n', heartbeat: { url: `http://127.0.0.1:${port}` } } as never;
  const call = {
    version: { model: 'm', version: 1, digest: 'v' } as never,
    path: '/p',
    headers: {},
    body: 'b',
    schedule: { tenant: 'team', priority: undefined, deadline: undefined },
    tracing: new Tracing('r', new Headers()),
    patience: { timeoutMs: 60_000, signal: new AbortController().signal },
    read: (response: Response) => response.text(),
  };
  return await callNode(gateway, node, call, new Timings());
}

const says =
  (status: number, body: object, headers: Record<string, string> = {}): Handler =>
  (_request: unknown, response: { writeHead: (status: number, headers: object) => { end: (text: string) => void } }) =>
    response.writeHead(status, headers).end(JSON.stringify(body));

it.each<[string, Handler | 'gone', object]>([
  ['is gone', 'gone', { kind: 'silent', error: { code: 'no_placement' } }],
  ['breaks off before its answer', (request) => request.socket.destroy(), { kind: 'silent' }],
  [
    'breaks off in its answer',
    (_request, response) => {
      response.writeHead(200, { 'content-length': '10' });
      response.write('half', () => response.destroy());
    },
    { kind: 'silent' },
  ],
  [
    'drains, or lost its engine',
    says(503, { error: 'going', code: 'unavailable' }, { 'retry-after': '3' }),
    { kind: 'busy', error: { code: 'unavailable', retryAfterSeconds: 3 } },
  ],
  ['is full', says(429, { error: 'full', code: 'overloaded' }), { kind: 'busy', error: { code: 'overloaded' } }],
  ['fails', says(500, { error: 'oh', code: 'internal' }), { kind: 'sick', error: { code: 'no_placement' } }],
  ['does not know us', says(401, { error: 'who?', code: 'unauthenticated' }), { kind: 'sick' }],
  ['is another program', (_request, response) => response.writeHead(404).end('<html>'), { kind: 'sick' }],
  ['refuses the input', says(400, { error: 'no', code: 'invalid_tensor' }), { kind: 'refused' }],
])('a node that %s', async (_what, handler, expected) => {
  expect(await askOne(handler)).toMatchObject({ ok: false, ...expected });
});

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
      {
        version,
        path: '/',
        headers: {},
        body: '',
        schedule,
        tracing,
        patience: { timeoutMs: 60_000, signal: new AbortController().signal },
        read: (response) => response.text(),
      },
      new Timings(),
    );
  const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
  const parent = '00f067aa0ba902b7';
  const tracing = new Tracing('req_1', new Headers({ traceparent: `00-${trace}-${parent}-01`, tracestate: 'a=1' }));
  expect(await callWith(tracing)).toEqual({ ok: true, value: 'done' });
  await callWith(tracing);
  await callWith(new Tracing('req_2', new Headers()));
  const [first, again, other] = sent;
  expect(first?.get('x-request-id')).toBe('req_1');
  expect(first?.get('traceparent')).toMatch(new RegExp(`^00-${trace}-(?!${parent})[\\da-f]{16}-01$`));
  expect(first?.get('tracestate')).toBe('a=1');
  expect(again?.get('traceparent')).toBe(first?.get('traceparent'));
  expect(other?.get('traceparent')).toMatch(/^00-(?!4bf92f)[\da-f]{32}-[\da-f]{16}-00$/);
});
