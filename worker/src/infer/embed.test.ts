import { encodeEmbeddingResponse } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { ColoCache } from '../cache/colo-cache.ts';
import { readCacheControl } from '../cache/freshness.ts';
import { ResponseCache } from '../cache/response-cache.ts';
import { SharedResponses } from '../cache/shared-responses.ts';
import { SingleFlight } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import { createFleet } from '../hubs/fleet.ts';
import { embed } from './embed.ts';
import { Timings } from './timings.ts';
import { Tracing } from './tracing.ts';

const version = {
  model: 'm',
  version: 1,
  state: 'ready',
  digest: 'sha256:v',
  edgeEligible: false,
  deterministic: true,
  manifest: {
    tokenizer: { path: 'tokenizer.json' },
    embedding: { output: 'o', pooling: 'none', normalize: false, dimensions: 'fixed' },
    placement: { policy: 'auto' },
    cache: { ttlSeconds: 60, scope: 'team', staleWhileRevalidateSeconds: 10, staleIfErrorSeconds: 60 },
    inputs: [],
  },
};

/** The embedding of a text is its length; `refuses` says of a call by its number whether the node refuses it. */
function newColo(refuses: (call: number) => 'invalid_request' | 'unavailable' | false = () => false) {
  const node = { id: 'n', name: 'n', region: null, silentMs: 0 };
  const heartbeat = { state: 'ready', instance: '1', loaded: [], inFlight: 0, queued: 0, url: 'http://node' };
  const hub = { recent: async () => [{ ...node, heartbeat }] };
  const world = { now: 1_000_000, asked: [] as string[][], looked: 0, gate: Promise.resolve() };
  const fetch = async (_url: string, { body }: { body: string }) => {
    const { input } = JSON.parse(body) as { input: string[] };
    world.asked.push(input);
    const code = refuses(world.asked.length);
    await world.gate;
    if (code) return Response.json({ error: { message: 'no', type: 't', param: null, code } }, { status: 400 });
    const embeddings = input.map((text) => Float32Array.of(text.length));
    return new Response(encodeEmbeddingResponse({ model: 'm@1', embeddings, tokens: input.map(() => 1) }, 'base64'));
  };
  const stored = new Map<string, Uint8Array<ArrayBuffer>>();
  const api = {
    match: async (url: string) => {
      world.looked++;
      const bytes = stored.get(url);
      return bytes && new Response(bytes);
    },
    put: async (url: string, response: Response) => void stored.set(url, new Uint8Array(await response.arrayBuffer())),
  };
  const newIsolate = () => {
    const colo = new ColoCache({ open: async () => api as never, secret: 's', warn: () => undefined });
    colo.useOrigin('https://gateway.example');
    const responses = new ResponseCache();
    const gateway = {
      now: () => world.now,
      random: () => 0,
      directory: { fresh: () => ({ model: { id: 'm' }, version }) },
      metrics: { count: () => undefined },
      quotas: { count: () => undefined },
      tokenizers: { get: async () => ({ tooLarge: 'it is too large' }) },
      responses,
      colo,
      sharedResponses: new SharedResponses(colo, responses),
      embeds: new SingleFlight(),
      edge: { unavailableFor: () => undefined, waitMs: () => 0, has: () => false },
      fleet: createFleet({ get: () => hub, idFromName: () => 'fleet' } as never),
      signer: { callToken: async () => 'c', grantToken: async () => 'g' },
      fetch,
    } as unknown as Gateway;
    const pending: Promise<unknown>[] = [];
    const settle = async () => {
      while (pending.length > 0) await Promise.allSettled(pending.splice(0));
    };
    const askWith = async (cacheControl: string | undefined, ...inputs: string[]) => {
      const { embeddings, cache, ageMs } = await embed(gateway, {
        ref: { model: 'm' },
        principal: { keyId: 'k', teamId: 't', scopes: new Set(), nodeId: undefined, expiresAt: undefined },
        tracing: new Tracing('r', new Headers()),
        arrivedAt: performance.now(),
        timings: new Timings(),
        waitUntil: (promise: Promise<unknown>) => void pending.push(promise),
        directives: readCacheControl(cacheControl),
        inputs,
        dimensions: undefined,
      } as never);
      return { cache, ageMs, embeddings: embeddings.map(([first]) => first) };
    };
    return { ask: (...inputs: string[]) => askWith(undefined, ...inputs), askWith, settle };
  };
  return { world, stored, newIsolate };
}

describe('texts that a node reads', () => {
  it('have their own embeddings when a refused part is sent again as a whole', async () => {
    const { world, newIsolate } = newColo((call) => call === 2 && 'invalid_request');
    const { ask } = newIsolate();
    await ask('a');
    expect(await ask('a', 'bbb', 'cc')).toMatchObject({ cache: 'miss', embeddings: [1, 3, 2] });
    expect(world.asked).toEqual([['a'], ['bbb', 'cc'], ['a', 'bbb', 'cc']]);
    expect(await ask('cc', 'bbb', 'a')).toMatchObject({ cache: 'hit', embeddings: [2, 3, 1] });
  });
});

describe('the texts of a request', () => {
  it('are embedded once each, whoever asks for them at the same time', async () => {
    const { world, newIsolate } = newColo();
    const { ask } = newIsolate();
    const [one, other] = await Promise.all([ask('a', 'bb', 'a'), ask('a', 'bb', 'a', 'a')]);
    expect([one?.embeddings, other?.embeddings]).toEqual([
      [1, 2, 1],
      [1, 2, 1, 1],
    ]);
    expect(world.asked).toEqual([['a', 'bb']]);
  });

  it('are as old as the oldest of them, and a part that is computed makes it a miss', async () => {
    const { world, newIsolate } = newColo();
    const { ask, askWith } = newIsolate();
    await ask('a');
    world.now += 5_000;
    expect(await ask('a', 'bb')).toEqual({ cache: 'miss', ageMs: undefined, embeddings: [1, 2] });
    expect(await ask('bb', 'a')).toEqual({ cache: 'hit', ageMs: 5_000, embeddings: [2, 1] });
    expect(await askWith('no-store', 'a')).toMatchObject({ cache: 'bypass' });
    expect(await askWith('no-cache', 'a')).toMatchObject({ cache: 'bypass' });
    expect(await ask('a')).toMatchObject({ cache: 'hit', ageMs: 0 });
    await expect(askWith('only-if-cached', 'a', 'ccc')).rejects.toMatchObject({ code: 'not_cached' });
  });

  it('are looked for in the colo up to sixteen, and stored there', async () => {
    const { world, stored, newIsolate } = newColo();
    const texts = Array.from({ length: 20 }, (_, i) => 'x'.repeat(i + 1));
    const one = newIsolate();
    await one.ask(...texts);
    await one.settle();
    expect([world.looked, stored.size]).toEqual([16, 16]);
    expect(await newIsolate().ask(...texts)).toMatchObject({ cache: 'miss', embeddings: texts.map((x) => x.length) });
    expect(world.asked[1]).toEqual(texts.slice(16));
  });

  it('that are stale are given, and made new once', async () => {
    const { world, newIsolate } = newColo();
    const { ask, settle } = newIsolate();
    await ask('a');
    await settle();
    world.now += 61_000;
    await ask('bb');
    const stale = { cache: 'stale', ageMs: 61_000, embeddings: [1, 2] };
    const gate = Promise.withResolvers<void>();
    world.gate = gate.promise;
    expect(await Promise.all([ask('a', 'bb'), ask('a', 'bb')])).toEqual([stale, stale]);
    gate.resolve();
    await settle();
    expect(world.asked).toEqual([['a'], ['bb'], ['a']]);
    expect(await ask('a', 'bb')).toMatchObject({ cache: 'hit' });
  });

  it('that are stale stand in where they cannot be embedded now', async () => {
    const { world, newIsolate } = newColo((call) => call > 1 && 'unavailable');
    const { ask } = newIsolate();
    await ask('a');
    world.now += 100_000;
    expect(await ask('a')).toEqual({ cache: 'stale', ageMs: 100_000, embeddings: [1] });
    await expect(ask('a', 'bb')).rejects.toMatchObject({ code: 'unavailable' });
  });
});
