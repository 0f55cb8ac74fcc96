import type { Tensor } from '@lepton-edge/protocol';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { ColoCache } from './colo-cache.ts';
import { ResponseCache } from './response-cache.ts';
import { SharedResponses } from './shared-responses.ts';

/** A colo's cache that can be looked into, changed and broken. */
class FakeCache {
  readonly stored = new Map<string, { bytes: Uint8Array<ArrayBuffer>; headers: Headers }>();
  hanging = 0;
  fails: 'never' | 'throws' | 'hangs' = 'never';

  async match(url: string) {
    await this.#fail();
    const found = this.stored.get(url);
    return found && new Response(found.bytes);
  }

  async put(url: string, response: Response) {
    await this.#fail();
    this.stored.set(url, { bytes: new Uint8Array(await response.arrayBuffer()), headers: response.headers });
  }

  async #fail() {
    if (this.fails === 'throws') throw new Error('no cache here');
    if (this.fails !== 'hangs') return;
    this.hanging++;
    await new Promise(() => undefined);
  }
}

const bytes = (...values: number[]) => Uint8Array.from(values);
let cache: FakeCache;
let warned: string[];
beforeEach(() => {
  cache = new FakeCache();
  warned = [];
});

function newColo(secret: string | undefined = 's') {
  const open = async () => cache as never;
  const colo = new ColoCache({ open, secret, warn: (message) => void warned.push(message) });
  colo.useOrigin('https://gateway.example');
  return colo;
}

describe('ColoCache', () => {
  it('gives another isolate what was put, and when it was so', async () => {
    await newColo().put('key abc', 1234, [bytes(1, 2), bytes(3)], 7.2);
    expect(await newColo().get('key abc')).toEqual({ at: 1234, bytes: bytes(1, 2, 3) });
    expect(await newColo().get('key abd')).toBeUndefined();
    const [[url, { headers }] = ['', {}]] = [...cache.stored] as [string, { headers: Headers }][];
    expect(headers?.get('cache-control')).toBe('public, max-age=8');
    expect(url).toMatch(/^https:\/\/gateway\.example\/\.lepton\/1\/[0-9a-f]{64}$/);
  });

  it('has no entry under another secret, and takes none made by somebody else', async () => {
    await newColo().put('key abc', 1, [bytes(1)], 60);
    const [url = ''] = cache.stored.keys();
    await newColo('other').put('key abc', 1, [bytes(1)], 60);
    expect([...cache.stored.keys()][1]).not.toBe(url);
    const foreign = [...cache.stored.values()][1] as never;
    cache.stored.set(url, foreign);
    expect(await newColo().get('key abc')).toBeUndefined();
    expect(warned).toEqual(['an entry of the colo’s cache is damaged or not ours']);
  });

  it('takes a changed, cut or moved entry for none, and says so once', async () => {
    const colo = newColo();
    await colo.put('a', 1, [bytes(1, 2, 3, 4)], 60);
    const [[url, entry] = ['', undefined]] = [...cache.stored];
    const good = entry?.bytes as Uint8Array<ArrayBuffer>;
    for (let i = 0; i < good.byteLength; i++) {
      const bad = good.slice();
      bad[i] = (bad[i] as number) ^ 1;
      cache.stored.set(url, { bytes: bad, headers: new Headers() });
      expect(await colo.get('a')).toBeUndefined();
    }
    for (const length of [0, 20, 40, good.byteLength - 1]) {
      cache.stored.set(url, { bytes: good.slice(0, length), headers: new Headers() });
      expect(await colo.get('a')).toBeUndefined();
    }
    await colo.put('b', 1, [bytes(9)], 60);
    const other = [...cache.stored.keys()][1] as string;
    cache.stored.set(other, { bytes: good, headers: new Headers() });
    expect(await colo.get('b')).toBeUndefined();
    cache.stored.set(url, { bytes: good, headers: new Headers() });
    expect(await colo.get('a')).toBeDefined();
    expect(warned).toHaveLength(1);
  });

  it('shares nothing without a secret, nor before it knows its host', async () => {
    const open = async () => cache as never;
    const bare = new ColoCache({ open, secret: undefined, warn: () => undefined });
    bare.useOrigin('https://gateway.example');
    const early = new ColoCache({ open, secret: 's', warn: () => undefined });
    for (const colo of [bare, early]) {
      await colo.put('a', 1, [bytes(1)], 60);
      expect([colo.isOn, await colo.get('a'), cache.stored.size]).toEqual([false, undefined, 0]);
    }
  });

  it('never fails a request: not where the Cache API throws, nor where it does not answer', async () => {
    const colo = newColo();
    cache.fails = 'throws';
    await colo.put('a', 1, [bytes(1)], 60);
    expect(await colo.get('a')).toBeUndefined();
    expect(await colo.get('a')).toBeUndefined();
    expect(warned).toHaveLength(2);
    cache.fails = 'hangs';
    vi.useFakeTimers();
    const asked = colo.get('a');
    await vi.advanceTimersByTimeAsync(250);
    expect(await asked).toBeUndefined();
    vi.useRealTimers();
  });

  it('stores only so much at a time', async () => {
    const colo = newColo();
    await Promise.all(Array.from({ length: 100 }, (_, i) => colo.put(`a${i}`, 1, [bytes(1)], 60)));
    expect(cache.stored.size).toBe(16);
    await colo.put('later', 1, [bytes(1)], 60);
    expect(cache.stored.size).toBe(17);
  });

  it('stores again after what was being stored ended with its requests, without a word', async () => {
    const colo = newColo();
    cache.fails = 'hangs';
    for (let i = 0; i < 16; i++) void colo.put(`a${i}`, 1, [bytes(1)], 60);
    await expect.poll(() => cache.hanging).toBe(16);
    cache.fails = 'never';
    await colo.put('b', 1, [bytes(1)], 60);
    expect(cache.stored.size).toBe(0);
    const clock = vi.spyOn(Date, 'now').mockReturnValue(Date.now() + 61_000);
    await colo.put('b', 1, [bytes(1)], 60);
    expect(cache.stored.size).toBe(1);
    clock.mockRestore();
  });
});

describe('SharedResponses', () => {
  const outputs: Tensor[] = [
    { name: 'a', datatype: 'FP32', shape: [3], data: Float32Array.of(Number.NaN, -0, 1.5) },
    { name: '\u0000text', datatype: 'BYTES', shape: [2], data: [bytes(255, 0), bytes()] },
    { name: 'b', datatype: 'BF16', shape: [1], data: Uint16Array.of(0x7fc1) },
    { name: 'c', datatype: 'INT64', shape: [], data: BigInt64Array.of(-(2n ** 63n)) },
  ];

  function newIsolate() {
    const responses = new ResponseCache();
    const kept: Promise<unknown>[] = [];
    const shared = new SharedResponses(newColo(), responses);
    return { responses, shared, waitUntil: (promise: Promise<unknown>) => void kept.push(promise), kept };
  }

  it('bring an answer to another isolate bit for bit, with its age, and that remembers it', async () => {
    const one = newIsolate();
    one.shared.put('k', { outputs, storedAt: 77 }, 60, one.waitUntil);
    await Promise.all(one.kept);
    const other = newIsolate();
    expect(await other.shared.find('k', other.waitUntil)).toEqual({ outputs, storedAt: 77 });
    expect(other.responses.get('k')).toEqual({ outputs, storedAt: 77 });
    expect(await other.shared.find('l', other.waitUntil)).toBeUndefined();
  });

  it('take what is no answer for none', async () => {
    await newColo().put('answer k', 1, [bytes(0, 0, 0, 9, 0, 0, 0, 0, 1)], 60);
    const { shared, waitUntil } = newIsolate();
    expect(await shared.find('k', waitUntil)).toBeUndefined();
    expect(warned).toEqual(['an answer in the colo’s cache cannot be read']);
  });
});
