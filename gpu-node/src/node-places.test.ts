/** Places over HTTP: a request has one before its body is read, and its bytes count as they come. */
import { once } from 'node:events';
import { Agent, type ClientRequest, type IncomingMessage, request } from 'node:http';
import { json } from 'node:stream/consumers';
import { MODEL_HEADER } from '@lepton-edge/protocol';
import { expect, it, onTestFinished } from 'vitest';
import { bertManifest, bertModel, bertTokenizer } from '../../test/support/bert-model.ts';
import { loneNode } from './testing/lone-fixture.ts';

const KIB = 1024;
/** Two of them are more than the MiB that one tenant may hold. */
const LARGE = 700 * KIB;
const LARGE_BODY = { 'content-length': LARGE, expect: '100-continue' };

async function node() {
  const fixture = await loneNode(
    {
      'bert/1/model.onnx': bertModel(),
      'bert/1/tokenizer.json': bertTokenizer(),
      'bert/1/manifest.json': JSON.stringify(bertManifest()),
    },
    ...['--max-queue-mib', '1'],
  );
  await fixture.ready();
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  onTestFinished(() => agent.destroy());
  const send = (path: string, headers: Record<string, string | number>, over?: Agent) => {
    const sent = request(`${fixture.node.url}${path}`, { method: 'POST', headers, ...(over && { agent: over }) });
    const answer = new Promise<{ status: number | undefined; body: unknown }>((resolve, reject) => {
      sent.on('error', reject).on('response', async (response: IncomingMessage) => {
        resolve({ status: response.statusCode, body: await json(response) });
      });
    });
    answer.catch(() => undefined);
    return { sent, answer };
  };
  return { ...fixture, agent, send };
}

/** Sends the headers; resolves when the node has read them. */
async function begin(sent: ClientRequest): Promise<void> {
  sent.flushHeaders();
  await once(sent, 'continue');
}

/** An embedding's body, with spaces to its length. */
function complete(sent: ClientRequest): void {
  sent.end(JSON.stringify({ model: 'bert@1', input: 'the weather' }).padEnd(LARGE));
}

it.each([[{}], [{ [MODEL_HEADER]: 'bert@1' }]])(
  'an embedding %o has its place before its body is read',
  async (named) => {
    const { send } = await node();
    const headers = { ...named, ...LARGE_BODY };
    const first = send('/v1/embeddings', headers);
    await begin(first.sent);
    const second = send('/v1/embeddings', headers);
    await begin(second.sent);
    expect(await second.answer).toMatchObject({ status: 429, body: { error: { code: 'overloaded' } } });
    second.sent.destroy();
    complete(first.sent);
    expect((await first.answer).status).toBe(200);
    const other = send('/v1/embeddings', { ...headers, [MODEL_HEADER]: 'bert' });
    await begin(other.sent);
    complete(other.sent);
    expect(await other.answer).toMatchObject({ status: 400, body: { error: { message: /same model/ } } });
  },
);

it('counts a body of no stated length as it comes, and reads the rest of one that it refuses', async () => {
  const { send, agent } = await node();
  const path = '/v2/models/bert/infer';
  const first = send(path, LARGE_BODY);
  onTestFinished(() => void first.sent.destroy());
  await begin(first.sent);
  const second = send(path, { 'transfer-encoding': 'chunked' }, agent);
  const writing = setInterval(() => second.sent.write(Buffer.alloc(64 * KIB)), 2);
  onTestFinished(() => clearInterval(writing));
  expect(await second.answer).toMatchObject({ status: 429, body: { code: 'overloaded' } });
  clearInterval(writing);
  second.sent.end(Buffer.alloc(LARGE));
  const { localPort } = second.sent.socket ?? {};
  const third = send(path, { 'content-length': 2 }, agent);
  third.sent.end('{}');
  expect((await third.answer).status).toBe(400);
  expect(third.sent.socket?.localPort).toBe(localPort);
});
