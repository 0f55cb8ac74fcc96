import type { Manifest, TensorSpec } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { type CopyRoom, EngineError, type Instance, type ModelSource } from '../engines/engine.ts';
import { NoRoom } from './evictions.ts';
import { type ModelChange, Models } from './lifecycle.ts';
import type { Repository } from './repository.ts';
import type { VersionTarget } from './version-source.ts';

const target = (digest: string) => ({ model: `model-${digest}`, version: 1, digest });

class FakeInstance implements Instance {
  readonly inputs = [x];
  readonly outputs = [x];
  readonly concurrency = 1;
  unloads = 0;
  runs = 0;
  readonly #lost = Promise.withResolvers<EngineError>();
  readonly lost = this.#lost.promise;
  run = async () => ({ outputs: [], runMs: ++this.runs });
  async unload() {
    this.unloads++;
  }
  die() {
    this.#lost.resolve(new EngineError('lost', 'its thread ended'));
  }
}

const x: TensorSpec = { name: 'x', datatype: 'FP32', shape: [-1] };

function setup(
  load?: (source: ModelSource) => Promise<Instance>,
  stated?: Partial<Manifest>,
  manifestOf: (target: VersionTarget) => Partial<Manifest> = () => ({}),
  maxBytes = 20,
) {
  const instances: FakeInstance[] = [];
  const changes: ModelChange[] = [];
  const clock = { now: 0 };
  const repository: Pick<Repository, 'describe' | 'fetch'> = {
    describe: async (described) => ({
      manifest: { inputs: [x], outputs: [x], ...stated, ...manifestOf(described) } as Manifest,
      sizeBytes: 10,
      stated: stated !== undefined,
    }),
    fetch: async ({ model }) => ({
      source: { label: model, format: 'onnx', path: '/model' },
      folder: undefined,
      files: { read: () => undefined, release: () => undefined },
    }),
  };
  const engines = {
    load: async (source: ModelSource) => {
      if (load) return await load(source);
      const instance = new FakeInstance();
      instances.push(instance);
      return instance;
    },
  };
  const models = new Models({
    repository,
    engines,
    maxBytes,
    maxModels: 8,
    maxGpuBytes: 15,
    onChange: (change) => changes.push(change),
    now: () => clock.now,
  });
  return { models, instances, changes, clock };
}

describe('Models', () => {
  it('loads once for all that ask meanwhile, and tells who waited', async () => {
    const { models, instances } = setup();
    const [a, b] = await Promise.all([models.acquire(target('a')), models.acquire(target('a'))]);
    const later = await models.acquire(target('a'));
    expect(instances).toHaveLength(1);
    expect([a.loadMs, b.loadMs, later.loadMs]).toEqual([0, 0, undefined]);
    expect(models.loaded()).toEqual([{ model: 'model-a', version: 1, digest: 'a' }]);
  });

  it('knows one digest under several names', async () => {
    const { models } = setup();
    await models.acquire(target('a'));
    await models.acquire({ model: 'other', version: 7, digest: 'a' });
    expect(models.find('other', 7)).toMatchObject({ digest: 'a' });
    expect(models.find('other', 8)).toBeUndefined();
    expect(models.loaded()).toHaveLength(2);
  });

  it('serves two versions of one digest, each as its own manifest says', async () => {
    const { models } = setup(undefined, undefined, ({ version }) => ({
      batching: { maxBatchSize: version, maxDelayMs: 0 },
    }));
    const sizes: (number | undefined)[] = [];
    for (const version of [4, 8, 4]) {
      const { manifest, release } = await models.acquire({ model: 'm', version, digest: 'a' });
      sizes.push(manifest.batching?.maxBatchSize);
      release();
    }
    expect(sizes).toEqual([4, 8, 4]);
    expect([models.find('m', 4), models.find('m', 8)]).toMatchObject([
      { manifest: { batching: { maxBatchSize: 4 } } },
      { manifest: { batching: { maxBatchSize: 8 } } },
    ]);
  });

  it('is ready once it has run, and tells what that took', async () => {
    const { models, instances, changes } = setup();
    (await models.acquire(target('a'))).release();
    expect(instances[0]?.runs).toBeGreaterThan(0);
    expect(changes).toMatchObject([{ state: 'ready', warmUp: { runs: instances[0]?.runs } }]);
  });

  it('gives a model’s own last version up for its next one only where nothing else will do', async () => {
    const { models, changes } = setup();
    const next = (version: number) => models.acquire({ model: 'm', version, digest: `m${version}` });
    (await models.acquire(target('other'))).release();
    (await next(1)).release();
    (await models.acquire(target('other'))).release();
    (await next(2)).release();
    expect(models.loaded().map(({ digest }) => digest)).toEqual(['m1', 'm2']);
    models.pin('m1');
    const unpin = models.pin('m2');
    await expect(next(3)).rejects.toThrow(NoRoom);
    unpin();
    (await next(3)).release();
    expect(models.loaded().map(({ digest }) => digest)).toEqual(['m1', 'm3']);
    expect(changes.find(({ state, label }) => state === 'unloaded' && label === 'm@2')).toMatchObject({
      reason: 'both do not fit: m@3 takes its place',
    });
  });

  it('answers who asks for what was replaced, by what took its place', async () => {
    const { models, instances } = setup();
    const of = (digest: string) => models.acquire({ model: 'm', version: 1, digest });
    const begun = await of('a');
    (await of('b')).release();
    const unloading = models.unload('m', 1, 'b');
    // Who began there goes on there.
    const goesOn = await of('a');
    expect(goesOn.instance).toBe(instances[0]);
    goesOn.release();
    begun.release();
    await unloading;
    const late = await of('a');
    expect(late.instance).toBe(instances[1]);
    late.release();
    expect(instances.map(({ unloads }) => unloads)).toEqual([1, 0]);
    // And back again.
    (await models.load({ model: 'm', version: 1, digest: 'a' })).release();
    await models.unload('m', 1, 'a');
    for (const digest of ['a', 'b']) expect((await of(digest)).instance).toBe(instances[2]);
  });

  it('makes room by unloading what is idle and longest unused', async () => {
    const { models, instances } = setup();
    for (const name of ['a', 'b', 'a']) (await models.acquire(target(name))).release();
    (await models.acquire(target('c'))).release();
    expect(models.loaded().map((loaded) => loaded.digest)).toEqual(['a', 'c']);
    expect(instances.map((instance) => instance.unloads)).toEqual([0, 1, 0]);
  });

  it('never unloads what is in use', async () => {
    const { models } = setup();
    const leases = [await models.acquire(target('a')), await models.acquire(target('b'))];
    await expect(models.acquire(target('c'))).rejects.toMatchObject({ code: 'unavailable', retryAfterSeconds: 1 });
    leases[1]?.release();
    await models.acquire(target('c'));
    expect(models.loaded().map((loaded) => loaded.digest)).toEqual(['a', 'c']);
  });

  it('makes room on the GPU apart from memory, and leaves what can never fit there to others', async () => {
    const { models, instances } = setup(async ({ makeRoomOnGpu }) => {
      await makeRoomOnGpu?.(10);
      const instance = Object.assign(new FakeInstance(), { onGpu: true });
      instances.push(instance);
      return instance;
    });
    for (const name of ['a', 'b']) (await models.acquire(target(name))).release();
    expect(models.loaded().map(({ digest }) => digest)).toEqual(['b']);
    expect(instances.map(({ unloads }) => unloads)).toEqual([1, 0]);
    const large = setup(async ({ makeRoomOnGpu }) => {
      const there = makeRoomOnGpu?.(16);
      await expect(there).rejects.toMatchObject({
        failure: 'unsupported',
        message: expect.stringContaining('of --gpu-memory-mib'),
      });
      return new FakeInstance();
    });
    await large.models.acquire(target('a'));
  });

  it('holds no more than it may while models that load side by side try copies, and only what they keep afterwards', async () => {
    const began = Promise.withResolvers<void>();
    const tried: number[] = [];
    let loads = 0;
    const load = async () => {
      if (++loads === 2) began.resolve();
      await began.promise;
      return Object.assign(new FakeInstance(), {
        async tune(_sample: unknown, room: CopyRoom) {
          const asked = room.free;
          tried.push(1 + room.book(asked));
          await new Promise((resolve) => setImmediate(resolve));
          return { threads: 1, copies: asked > 2 ? 2 : 1 };
        },
      });
    };
    const { models } = setup(load, undefined, undefined, 50);
    await Promise.all([models.acquire(target('a')), models.acquire(target('b'))]);
    expect(tried).toEqual([4, 1]);
    expect(models.bytes).toBe(30);
  });

  it('loads anew what was lost', async () => {
    const { models, instances, changes } = setup();
    await models.acquire(target('a'));
    instances[0]?.die();
    await instances[0]?.lost;
    expect(models.loaded()).toEqual([]);
    await models.acquire(target('a'));
    expect(instances).toHaveLength(2);
    expect(changes.map((change) => change.state)).toEqual(['ready', 'lost', 'ready']);
  });

  it('does not try again at once what no engine supports', async () => {
    let loads = 0;
    const { models, clock } = setup(() => {
      loads++;
      return Promise.reject(new EngineError('unsupported', 'unknown operator'));
    });
    const expected = { code: 'unavailable', message: expect.stringContaining('unknown operator') };
    await expect(models.acquire(target('a'))).rejects.toMatchObject(expected);
    await expect(models.acquire(target('a'))).rejects.toMatchObject(expected);
    expect(loads).toBe(1);
    clock.now = 10_001;
    await expect(models.acquire(target('a'))).rejects.toMatchObject(expected);
    expect(loads).toBe(2);
  });

  it('unloads what is told once its runs have ended, and loads it anew for who asks then', async () => {
    const { models, instances } = setup();
    const lease = await models.acquire(target('a'));
    let unloaded = false;
    const unloading = models.unload('model-a', 1).then(() => {
      unloaded = true;
    });
    expect(models.find('model-a', 1)).toBeUndefined();
    (await models.acquire(target('a'))).release();
    expect(instances.map(({ unloads }) => unloads)).toEqual([0, 0]);
    expect(unloaded).toBe(false);
    lease.release();
    await unloading;
    expect(instances.map(({ unloads }) => unloads)).toEqual([1, 0]);
  });

  it('does not take one load that failed for the next of the same digest', async () => {
    const loads: PromiseWithResolvers<Instance>[] = [];
    const { models } = setup(() => {
      loads.push(Promise.withResolvers());
      return loads.at(-1)?.promise ?? Promise.reject(new Error('no load'));
    });
    const first = models.acquire(target('a'));
    first.catch(() => undefined);
    await expect.poll(() => loads.length).toBe(1);
    const unloading = models.unload('model-a', 1);
    const second = models.acquire(target('a'));
    await expect.poll(() => loads.length).toBe(2);
    loads[0]?.reject(new EngineError('lost', 'its thread ended'));
    await expect(first).rejects.toThrow('its thread ended');
    await unloading;
    loads[1]?.resolve(new FakeInstance());
    await second;
    expect(models.find('model-a', 1)).toMatchObject({ digest: 'a' });
  });

  it('keeps what has another name, or is excepted', async () => {
    const { models, instances } = setup();
    (await models.acquire(target('a'))).release();
    (await models.acquire({ model: 'other', version: 7, digest: 'a' })).release();
    await models.unload('other', 7, 'a');
    expect(models.find('other', 7)).toBeDefined();
    await models.unload('other', 7);
    expect(models.find('other', 7)).toBeUndefined();
    expect(models.find('model-a', 1)).toBeDefined();
    expect(instances[0]?.unloads).toBe(0);
    await models.unload('model-a', 1);
    expect(instances[0]?.unloads).toBe(1);
    await models.unload('model-a', 1);
  });

  it('tells what is loading, and what there is room for', async () => {
    const { models } = setup();
    const loading = models.acquire(target('a'));
    expect(models.stateOf('a')).toBe('downloading');
    await loading;
    expect([models.stateOf('a'), models.stateOf('b'), models.bytes]).toEqual(['ready', undefined, 10]);
    expect([models.hasRoomFor(10), models.hasRoomFor(11)]).toEqual([true, false]);
  });

  it('takes the signature of the file where none is stated, and refuses one that the file contradicts', async () => {
    const silent = setup(undefined, { inputs: [], outputs: [] });
    const { manifest } = await silent.models.acquire(target('a'));
    expect(manifest).toEqual({ inputs: [x], outputs: [x] });
    const wrong = setup(undefined, { inputs: [{ ...x, datatype: 'INT64' }] });
    await expect(wrong.models.acquire(target('a'))).rejects.toThrow(/"x" as INT64, the file has FP32/);
    expect(wrong.instances[0]?.unloads).toBe(1);
  });

  it('unloads everything at the end', async () => {
    const { models, instances } = setup();
    (await models.acquire(target('a'))).release();
    await models.close();
    expect(instances[0]?.unloads).toBe(1);
    expect(models.loaded()).toEqual([]);
  });
});
