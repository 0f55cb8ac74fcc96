import { encodeEmbeddingResponse } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { ColoCache } from '../cache/colo-cache.ts';
import { NO_DIRECTIVES } from '../cache/freshness.ts';
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
    cache: { ttlSeconds: 60, scope: 'team' },
    inputs: [],
  },
};

/** The embedding of a text is its length; `refuses` says of a call by its number whether the node refuses it. */
function newGateway(refuses: (call: number) => boolean) {
  const node = { id: 'n', name: 'n', region: null, silentMs: 0 };
  const heartbeat = { state: 'ready', instance: '1', loaded: [], inFlight: 0, queued: 0, url: 'http://node' };
  const hub = { heard: async () => [{ ...node, heartbeat }] };
  const asked: string[][] = [];
  const fetch = async (_url: string, { body }: { body: string }) => {
    const { input } = JSON.parse(body) as { input: string[] };
    asked.push(input);
    if (refuses(asked.length)) {
      return Response.json(
        { error: { message: 'no', type: 't', param: null, code: 'invalid_request' } },
        { status: 400 },
      );
    }
    const embeddings = input.map((text) => Float32Array.of(text.length));
    return new Response(encodeEmbeddingResponse({ model: 'm@1', embeddings, tokens: input.map(() => 1) }, 'base64'));
  };
  const colo = new ColoCache({ open: async () => Promise.reject(), secret: undefined, warn: () => undefined });
  const responses = new ResponseCache();
  const gateway = {
    now: Date.now,
    random: () => 0,
    directory: { resolve: async () => ({ model: { id: 'm' }, version }) },
    metrics: { count: () => undefined },
    tokenizers: { get: async () => ({ tooLarge: 'it is too large' }) },
    responses,
    runs: new SingleFlight(),
    embeds: new SingleFlight(),
    colo,
    sharedResponses: new SharedResponses(colo, responses),
    edge: { unavailableFor: () => undefined },
    fleet: createFleet({ get: () => hub, idFromName: () => 'fleet' } as never),
    signer: { callToken: async () => 'c', grantToken: async () => 'g' },
    fetch,
  } as unknown as Gateway;
  const ask = async (...inputs: string[]) => {
    const { embeddings, cache } = await embed(gateway, {
      ref: { model: 'm' },
      principal: { keyId: 'k', teamId: 't', scopes: new Set(), nodeId: undefined, expiresAt: undefined },
      tracing: new Tracing('r', undefined, undefined),
      arrivedAt: performance.now(),
      timings: new Timings(),
      waitUntil: () => undefined,
      directives: NO_DIRECTIVES,
      inputs,
      dimensions: undefined,
    } as never);
    return { cache, embeddings: embeddings.map(([first]) => first) };
  };
  return { asked, ask };
}

describe('texts that a node reads', () => {
  it('have their own embeddings when a refused part is sent again as a whole', async () => {
    const { asked, ask } = newGateway((call) => call === 2);
    await ask('a');
    expect(await ask('a', 'bbb', 'cc')).toEqual({ cache: 'miss', embeddings: [1, 3, 2] });
    expect(asked).toEqual([['a'], ['bbb', 'cc'], ['a', 'bbb', 'cc']]);
    expect(await ask('cc', 'bbb', 'a')).toEqual({ cache: 'hit', embeddings: [2, 3, 1] });
  });
});
