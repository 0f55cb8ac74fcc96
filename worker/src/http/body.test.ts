import { describe, expect, it } from 'vitest';
import { Bodies } from './bodies.ts';
import { readBody, withBody } from './body.ts';

const MIB = 1024 * 1024;

/** A request whose body comes when the test says so. */
function slowRequest(declared?: number) {
  let controller: ReadableByteStreamController | undefined;
  const body = new ReadableStream({
    type: 'bytes',
    start: (given) => {
      controller = given;
    },
  });
  const headers: Record<string, string> = declared === undefined ? {} : { 'content-length': String(declared) };
  const request = new Request('http://x', { method: 'POST', headers, body, duplex: 'half' } as RequestInit);
  const send = async (bytes: Uint8Array<ArrayBuffer>) => {
    controller?.enqueue(bytes);
    await new Promise((resolve) => setTimeout(resolve, 5));
  };
  const end = () => {
    controller?.close();
    (controller?.byobRequest as ReadableStreamBYOBRequest | null)?.respond(0);
  };
  return { request, send, end };
}

const pattern = (length: number) => Uint8Array.from({ length }, (_, i) => (i * 31) % 251);

describe('a body', () => {
  it.each([
    ['declared', 300_000, true],
    ['in chunks', 300_000, false],
    ['small', 10, true],
    ['as large as the limit', MIB, true],
    ['as large as the limit, in chunks', MIB, false],
  ])('is read whole: %s', async (_what, length, declare) => {
    const { request, send, end } = slowRequest(declare ? length : undefined);
    const read = readBody(request, MIB);
    const bytes = pattern(length);
    for (let at = 0; at < length; at += 50_000) await send(bytes.slice(at, at + 50_000));
    if (!declare) end();
    const got = await read;
    expect(got.byteOffset).toBe(0);
    expect(Buffer.compare(got, bytes)).toBe(0);
  });

  it('that is too large is refused at once when it says so, else when it is', async () => {
    await expect(readBody(slowRequest(MIB + 1).request, MIB)).rejects.toMatchObject({ code: 'body_too_large' });
    const { request, send } = slowRequest();
    const read = readBody(request, MIB);
    read.catch(() => undefined);
    await send(new Uint8Array(MIB));
    await send(new Uint8Array(1));
    await expect(read).rejects.toMatchObject({ code: 'body_too_large' });
    expect(request.body?.locked).toBe(false);
  });
});

describe('bodies held at once', () => {
  it('count what came, not what was declared', async () => {
    const held = new Bodies();
    const use = async (bytes: Uint8Array) => `${bytes.byteLength} of ${held.heldBytes}`;
    const slow = slowRequest(16 * MIB);
    const waiting = withBody(slow.request, 16 * MIB, held, use);
    await slow.send(new Uint8Array(1000));
    expect(held.heldBytes).toBe(1000);
    const other = slowRequest(2000);
    const answer = withBody(other.request, 16 * MIB, held, use);
    await other.send(new Uint8Array(2000));
    other.end();
    expect(await answer).toBe('2000 of 3000');
    await slow.send(new Uint8Array(16 * MIB - 1000));
    expect(await waiting).toBe(`${16 * MIB} of ${16 * MIB}`);
    expect(held.heldBytes).toBe(0);
  });

  it('are refused beyond the bound, and let go', async () => {
    const held = new Bodies();
    const first = slowRequest(16 * MIB);
    const whole = withBody(first.request, 16 * MIB, held, async () => 'done');
    await first.send(new Uint8Array(15 * MIB));
    const second = slowRequest(2 * MIB);
    const refused = withBody(second.request, 16 * MIB, held, async () => 'done');
    refused.catch(() => undefined);
    await second.send(new Uint8Array(2 * MIB));
    await expect(refused).rejects.toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    expect(held.heldBytes).toBe(15 * MIB);
    await first.send(new Uint8Array(MIB));
    expect(await whole).toBe('done');
    expect(held.heldBytes).toBe(0);
  });
});
