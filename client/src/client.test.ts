/** The client against a server that answers what it is told: retries, idempotency keys, pages, waiting for admission. */
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { LeptonClient } from './client.ts';
import { GatewayError, VersionRejectedError } from './errors.ts';

interface Told {
  status?: number;
  headers?: Record<string, string>;
  body?: unknown;
  /** Closes the connection instead of answering. */
  cut?: boolean;
}

let server: Server;
let client: LeptonClient;
let told: Told[];
let asked: { line: string; headers: IncomingMessage['headers']; at: number }[];

beforeEach(async () => {
  told = [];
  asked = [];
  server = createServer((request, response) => {
    asked.push({ line: `${request.method} ${request.url}`, headers: request.headers, at: Date.now() });
    const { status = 200, headers = {}, body = {}, cut } = told.shift() ?? {};
    request.resume().on('end', () => {
      if (cut) return request.socket.destroy();
      return response.writeHead(status, headers).end(status === 204 ? undefined : JSON.stringify(body));
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  client = new LeptonClient({ baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, key: 'lep_x' });
});
afterEach(() => {
  server.closeAllConnections();
  server.close();
});

const lines = () => asked.map(({ line }) => line);

describe('retries', () => {
  it('reads again after overload and broken connections', async () => {
    told = [{ status: 429, headers: { 'retry-after': '1' } }, { cut: true }, { body: { name: 'digits' } }];
    expect(await client.models.get('digits')).toEqual({ name: 'digits' });
    expect(lines()).toEqual(Array(3).fill('GET /api/models/digits'));
    expect((asked[1]?.at ?? 0) - (asked[0]?.at ?? 0)).toBeGreaterThanOrEqual(990);
  });

  it('repeats a change only under an idempotency key, the same each time', async () => {
    told = [{ status: 503 }];
    await expect(client.models.create({ name: 'digits' })).rejects.toMatchObject({ status: 503 });
    told = [{ status: 503 }, { body: { name: 'digits' } }];
    await client.models.create({ name: 'digits' }, { idempotencyKey: 'once' });
    expect(asked.map(({ headers }) => headers['idempotency-key'])).toEqual([undefined, 'once', 'once']);
    told = [{ cut: true }];
    await expect(client.aliases.put('m', 'a', { targets: [{ version: 1 }], reason: 'x' })).rejects.toMatchObject({
      status: 0,
    });
    expect(asked).toHaveLength(4);
  });

  it('can be turned off, for a client and for a call', async () => {
    told = [{ status: 503 }];
    const eager = new LeptonClient({ baseUrl: client.baseUrl, retries: 0 });
    await expect(eager.models.list()).rejects.toBeInstanceOf(GatewayError);
    told = [{ status: 503 }];
    await expect(client.models.list({ retries: 0 })).rejects.toBeInstanceOf(GatewayError);
    expect(asked).toHaveLength(2);
  });
});

it('walks the pages of a list', async () => {
  told = [{ body: { items: [1, 2], nextCursor: 'a b' } }, { body: { items: [3] } }];
  const items: unknown[] = [];
  for await (const item of client.aliases.all('digits', { limit: 2 })) items.push(item);
  expect(items).toEqual([1, 2, 3]);
  expect(lines()).toEqual([
    'GET /api/models/digits/aliases?limit=2',
    'GET /api/models/digits/aliases?limit=2&cursor=a+b',
  ]);
});

it('waits for admission, and throws the reason of a refusal', async () => {
  const version = (state: string, reason?: string) => ({ body: { model: 'digits', version: 3, state, reason } });
  told = [version('admitting'), version('admitting'), version('ready')];
  const seen: string[] = [];
  const ready = await client.versions.waitReady('digits', 3, { onPoll: ({ state }) => seen.push(state) });
  expect(ready.state).toBe('ready');
  expect(seen).toEqual(['admitting', 'admitting', 'ready']);
  told = [version('rejected', 'it cannot be loaded')];
  const refused = await client.versions.waitReady('digits', 3).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(VersionRejectedError);
  expect(refused).toMatchObject({ message: 'digits@3 was rejected at admission: it cannot be loaded' });
});

it('writes the paths and queries of the protocol', async () => {
  told = Array(9).fill({ status: 200 });
  await client.models.delete('digits', { force: true });
  await client.models.delete('digits');
  await client.aliases.at('digits', 'production', new Date(0));
  await client.aliases.delete('digits', 'canary', 'over & done');
  await client.versions.archive('digits', 2, 'old');
  await client.audit.list({ model: 'digits', since: '2026-03-01T00:00:00Z' });
  await client.blobs.get(`sha256:${'0'.repeat(64)}`, { offset: 5, length: 10 });
  expect(lines()).toEqual([
    'DELETE /api/models/digits?force=true',
    'DELETE /api/models/digits',
    'GET /api/models/digits/aliases/production?at=1970-01-01T00%3A00%3A00.000Z',
    'DELETE /api/models/digits/aliases/canary?reason=over+%26+done',
    'POST /api/models/digits/versions/2/archive',
    'GET /api/audit?model=digits&since=2026-03-01T00%3A00%3A00Z',
    `GET /api/blobs/sha256%3A${'0'.repeat(64)}`,
  ]);
  expect(asked.at(-1)?.headers.range).toBe('bytes=5-14');
  told = [{ status: 404 }, { status: 200 }];
  expect(await client.blobs.has('sha256:x')).toBe(false);
  expect(await client.blobs.has('sha256:x')).toBe(true);
});

it('says so when what answers is no gateway', async () => {
  const page = new LeptonClient({ baseUrl: client.baseUrl, fetch: async () => new Response('<html>') });
  await expect(page.models.list()).rejects.toMatchObject({ code: 'not_a_gateway' });
});
