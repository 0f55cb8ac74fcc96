import { LeptonError, type Manifest, type Tensor } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { ColoCache } from '../cache/colo-cache.ts';
import { readCacheControl } from '../cache/freshness.ts';
import { ResponseCache } from '../cache/response-cache.ts';
import { SharedResponses } from '../cache/shared-responses.ts';
import { SingleFlight } from '../cache/single-flight.ts';
import type { Gateway } from '../context.ts';
import { isCallersFault } from './cacheable.ts';
import { inferResolved } from './infer.ts';
import { Timings } from './timings.ts';
import { Tracing } from './tracing.ts';

const tensor = (name: string, value: number): Tensor => ({
  name,
  datatype: 'FP32',
  shape: [1],
  data: Float32Array.of(value),
});

/** A colo whose isolates answer y = the number of the run. */
function newColo(cache: Partial<Manifest['cache']> = {}, runMs = 50) {
  const stored = new Map<string, Uint8Array<ArrayBuffer>>();
  const api = {
    asked: 0,
    match: async (url: string) => {
      api.asked++;
      const bytes = stored.get(url);
      return bytes && new Response(bytes);
    },
    put: async (url: string, response: Response) => void stored.set(url, new Uint8Array(await response.arrayBuffer())),
  };
  const world = { now: 1_000_000, runs: 0, fails: undefined as unknown, gate: Promise.resolve() };
  const specs = [{ name: 'x', datatype: 'FP32', shape: [1] }];
  const version = {
    model: 'm',
    version: 1,
    state: 'ready',
    digest: 'sha256:v',
    edgeEligible: true,
    edgeTried: { runMs, perItemMs: {}, elements: 1, growth: undefined, branches: false },
    deterministic: true,
    manifest: {
      placement: { policy: 'edge' },
      cache: { ttlSeconds: 60, scope: 'team', ...cache },
      inputs: specs,
      outputs: [{ ...specs[0], name: 'y' }],
    },
  };
  const newIsolate = () => {
    const responses = new ResponseCache();
    const colo = new ColoCache({ open: async () => api as never, secret: 's', warn: () => undefined });
    colo.useOrigin('https://gateway.example');
    const pending: Promise<unknown>[] = [];
    const gateway = {
      now: () => world.now,
      random: () => 0,
      metrics: { count: () => undefined },
      quotas: { count: () => undefined },
      colo,
      responses,
      sharedResponses: new SharedResponses(colo, responses),
      runs: new SingleFlight(10_000, isCallersFault),
      bodies: { isAlone: true },
      edge: {
        unavailableFor: () => undefined,
        waitMs: () => 0,
        has: () => true,
        run: async () => {
          const run = ++world.runs;
          await world.gate;
          if (world.fails !== undefined) throw world.fails;
          return { outputs: [tensor('y', run)] };
        },
      },
    } as unknown as Gateway;
    const ask = async (cacheControl?: string, more: object = {}) => {
      const call = {
        principal: { keyId: 'k', teamId: 't', scopes: new Set(), nodeId: undefined, expiresAt: undefined },
        directives: readCacheControl(cacheControl),
        tracing: new Tracing('r', new Headers()),
        arrivedAt: performance.now(),
        timings: new Timings(),
        waitUntil: (promise: Promise<unknown>) => void pending.push(promise),
        request: { inputs: [tensor('x', 1)] },
        ...more,
      };
      const target = { model: { id: 'm' }, version };
      const { outputs, cache, ageMs } = await inferResolved(gateway, call as never, target as never);
      return [outputs[0]?.data[0], cache, ageMs];
    };
    const settle = async () => {
      while (pending.length > 0) await Promise.allSettled(pending.splice(0));
    };
    return { ask, settle };
  };
  return { world, api, stored, newIsolate };
}

describe('an answer', () => {
  it('is computed once in a colo, and its age travels with it', async () => {
    const { world, newIsolate } = newColo();
    const one = newIsolate();
    expect(await one.ask()).toEqual([1, 'miss', undefined]);
    world.now += 1_500;
    expect(await one.ask()).toEqual([1, 'hit', 1_500]);
    await one.settle();
    const other = newIsolate();
    expect(await other.ask()).toEqual([1, 'hit', 1_500]);
    world.now += 58_500;
    expect(await other.ask()).toEqual([2, 'miss', undefined]);
    await other.settle();
    expect(await one.ask()).toEqual([2, 'hit', 0]);
  });

  it('that costs less than asking is neither asked for nor stored', async () => {
    const { api, stored, newIsolate } = newColo({}, 1);
    const one = newIsolate();
    await one.ask();
    await one.settle();
    expect([api.asked, stored.size]).toEqual([0, 0]);
  });

  it('is computed anew for no-cache, and remembered, and for no-store not remembered', async () => {
    const { api, stored, newIsolate } = newColo();
    const { ask, settle } = newIsolate();
    expect(await ask('no-store')).toEqual([1, 'bypass', undefined]);
    await settle();
    expect([api.asked, stored.size]).toEqual([0, 0]);
    expect(await ask()).toEqual([2, 'miss', undefined]);
    expect(await ask('no-store')).toEqual([3, 'bypass', undefined]);
    expect(await ask('no-cache')).toEqual([4, 'bypass', undefined]);
    expect(await ask()).toEqual([4, 'hit', 0]);
  });

  it('computed anew is no run that began before, nor anybody else’s', async () => {
    const { world, newIsolate } = newColo();
    const gate = Promise.withResolvers<void>();
    world.gate = gate.promise;
    const { ask } = newIsolate();
    const all = Promise.all([ask(), ask(), ask('no-cache'), ask('no-store'), ask('max-age=9')]);
    await expect.poll(() => world.runs).toBe(3);
    gate.resolve();
    const answers = (await all).map(([value]) => value);
    expect(new Set(answers).size).toBe(3);
    expect(answers[1]).toBe(answers[0]);
    expect(answers[4]).toBe(answers[0]);
  });

  it('is not computed for only-if-cached, not even anew', async () => {
    const { world, newIsolate } = newColo({ staleWhileRevalidateSeconds: 60 });
    const { ask, settle } = newIsolate();
    const absent = expect.objectContaining({ code: 'not_cached' });
    for (const header of ['only-if-cached', 'only-if-cached, no-cache', 'only-if-cached, no-store']) {
      await expect(ask(header)).rejects.toEqual(absent);
    }
    await ask();
    expect(await ask('only-if-cached')).toEqual([1, 'hit', 0]);
    await expect(ask('only-if-cached, no-store')).rejects.toEqual(absent);
    world.now += 61_000;
    expect(await ask('only-if-cached')).toEqual([1, 'stale', 61_000]);
    await settle();
    expect(world.runs).toBe(1);
  });

  it('that is stale is given while one new one is made', async () => {
    const { world, newIsolate } = newColo({ staleWhileRevalidateSeconds: 60 });
    const { ask, settle } = newIsolate();
    await ask();
    await settle();
    world.now += 61_000;
    const gate = Promise.withResolvers<void>();
    world.gate = gate.promise;
    expect(await Promise.all([ask(), ask(), ask()])).toEqual(Array(3).fill([1, 'stale', 61_000]));
    gate.resolve();
    await settle();
    expect(world.runs).toBe(2);
    expect(await ask()).toEqual([2, 'hit', 0]);
    world.now += 121_000;
    expect(await ask()).toEqual([3, 'miss', undefined]);
  });

  it('that another isolate has made new is not made new again', async () => {
    const { world, newIsolate } = newColo({ staleWhileRevalidateSeconds: 60 });
    const [one, other] = [newIsolate(), newIsolate()];
    await one.ask();
    await one.settle();
    await other.ask();
    world.now += 61_000;
    await one.ask();
    await one.settle();
    expect(await other.ask()).toEqual([1, 'stale', 61_000]);
    await other.settle();
    expect(await other.ask()).toEqual([2, 'hit', 0]);
    expect(world.runs).toBe(2);
  });

  it('that is stale stands in for a failure that is not the caller’s, in whichever isolate', async () => {
    const { world, newIsolate } = newColo({ staleIfErrorSeconds: 60 });
    const first = newIsolate();
    await first.ask();
    await first.settle();
    world.now += 61_000;
    world.fails = new LeptonError('unavailable', 'away');
    for (const { ask } of [first, newIsolate()]) {
      expect(await ask()).toEqual([1, 'stale', 61_000]);
      await expect(ask('no-cache')).rejects.toBe(world.fails);
      await expect(ask('stale-if-error=0')).rejects.toBe(world.fails);
    }
    for (const code of ['inference_failed', 'overloaded'] as const) {
      world.fails = new LeptonError(code, code);
      await expect(first.ask()).rejects.toBe(world.fails);
    }
    world.fails = new Error('nobody expected this');
    expect(await first.ask()).toEqual([1, 'stale', 61_000]);
    world.now += 60_000;
    await expect(first.ask()).rejects.toBe(world.fails);
  });

  it('that others wait for goes on when the time of one of them is over', async () => {
    const { world, newIsolate } = newColo();
    const gate = Promise.withResolvers<void>();
    world.gate = gate.promise;
    const { ask } = newIsolate();
    const patient = ask();
    const hasty = ask(undefined, { arrivedAt: performance.now(), timeoutMs: 20 });
    await expect(hasty).rejects.toMatchObject({ code: 'deadline_exceeded' });
    gate.resolve();
    expect(await patient).toEqual([1, 'miss', undefined]);
    expect(world.runs).toBe(1);
  });

  it('is not lost with the time of the one who began it', async () => {
    const { world, newIsolate } = newColo();
    const gate = Promise.withResolvers<void>();
    world.gate = gate.promise;
    const { ask } = newIsolate();
    const hasty = ask(undefined, { arrivedAt: performance.now(), timeoutMs: 20 });
    const patient = ask();
    await expect(hasty).rejects.toMatchObject({ code: 'deadline_exceeded' });
    gate.resolve();
    expect((await patient)[1]).toBe('miss');
  });
});
