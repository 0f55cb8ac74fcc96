import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Tensor } from '@lepton-edge/protocol';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startWorkerd, type Workerd } from '../standalone/src/processes/workerd.ts';
import { divisionModel, hugeModel, negationModel, recursionModel } from './support/onnx-models.ts';
import { ROOT } from './support/program.ts';

/** As the other tests' gateway built it. */
const BUNDLE = `${ROOT}dist/trial`;
const compatibilityDate = '2026-11-01';
/** Calls the trial Worker for us: `{method, args}` → its answer, or what it threw. */
const CALLER = `export default { async fetch(request, { TRIAL }) {
  const { method, args } = await request.json();
  const typed = { INT32: Int32Array, FP32: Float32Array };
  if (method === 'run') args[1] = args[1].map((t) => ({ ...t, data: new typed[t.datatype](t.data) }));
  try {
    const answer = await TRIAL[method](...args);
    if (method === 'run' && answer.ok) answer.outputs = answer.outputs.map((t) => ({ ...t, data: [...t.data] }));
    return Response.json(answer);
  } catch (error) {
    return Response.json({ threw: String(error) });
  }
} }`;

let workerd: Workerd;
let url: URL;
let state: string;

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'lepton-trial-'));
  const wasm = (await readdir(BUNDLE)).filter((name) => name.endsWith('.wasm'));
  workerd = await startWorkerd(
    {
      state,
      workers: [
        {
          name: 'caller',
          compatibilityDate,
          modules: [{ type: 'ESModule', path: 'caller.js', contents: CALLER }],
          serviceBindings: { TRIAL: 'trial' },
          r2Buckets: { BLOBS: 'blobs' },
        },
        {
          name: 'trial',
          compatibilityDate,
          rootPath: ROOT,
          modulesRoot: BUNDLE,
          modules: [
            { type: 'ESModule', path: join(BUNDLE, 'index.js') },
            ...wasm.map((name) => ({ type: 'CompiledWasm' as const, path: join(BUNDLE, name) })),
          ],
          r2Buckets: { BLOBS: 'blobs' },
        },
      ],
    },
    () => {},
  );
  url = await workerd.miniflare.ready;
});

afterAll(async () => {
  await workerd.stop();
  await rm(state, { recursive: true, force: true });
});

let made = 0;

/** Stores a model. */
async function store(bytes: Uint8Array) {
  const digest = `sha256:${++made}`;
  const objectKey = `objects/${made}`;
  const bucket = await workerd.miniflare.getR2Bucket('BLOBS', 'caller');
  await bucket.put(objectKey, bytes);
  return { digest, objectKey };
}

async function call(method: 'load' | 'run', ...args: unknown[]) {
  const response = await fetch(url, { method: 'POST', body: JSON.stringify({ method, args }) });
  return (await response.json()) as Record<string, unknown>;
}

const tensor = (name: string, datatype: Tensor['datatype'], data: number[]) => ({
  name,
  datatype,
  shape: [data.length],
  data,
});

/** Loads and runs a model that does what it should, and answers all that this shows. */
async function tryGood(model: Awaited<ReturnType<typeof store>>) {
  return [await call('load', model), await call('run', model, [tensor('x', 'FP32', [1, 2, 3])], ['y'], 1)];
}

describe('the trial Worker', () => {
  it('takes what it cannot read for no fault of the model, and tries again when asked', async () => {
    const model = await store(negationModel('absent'));
    const bucket = await workerd.miniflare.getR2Bucket('BLOBS', 'caller');
    await bucket.delete(model.objectKey);
    for (const answer of await tryGood(model)) {
      expect(answer).toEqual({ threw: expect.stringContaining('cannot be read from storage') });
    }
    await bucket.put(model.objectKey, negationModel('absent'));
    expect((await tryGood(model)).map(({ ok }) => ok)).toEqual([true, true]);
  });

  it('is as new after models that bring ONNX Runtime down', async () => {
    const good = await store(negationModel('good'));
    const before = await tryGood(good);
    expect(before[1]).toMatchObject({ ok: true, outputs: [{ data: [-1, -2, -3] }] });
    const [division, recursion, huge] = [
      await store(divisionModel()),
      await store(recursionModel(4_000)),
      await store(hugeModel()),
    ];
    const overflow = [tensor('x', 'INT32', [-(2 ** 31)]), tensor('z', 'INT32', [-1])];
    for (let i = 0; i < 5; i++) {
      expect(await call('load', division)).toMatchObject({ ok: true });
      expect(await call('run', division, overflow, ['y'], 1)).toEqual({
        ok: false,
        failure: { kind: 'stopped', message: expect.stringContaining('unrepresentable') },
      });
      // Of the same model, too: it is loaded again.
      const whole = [tensor('x', 'INT32', [8]), tensor('z', 'INT32', [2])];
      expect(await call('run', division, whole, ['y'], 1)).toMatchObject({ ok: true, outputs: [{ data: [4] }] });
      expect(await call('load', recursion)).toMatchObject({ ok: false, failure: { kind: 'stopped' } });
      const one = [tensor('x', 'FP32', [1])];
      expect(await call('run', huge, one, ['y'], 1)).toMatchObject({ ok: false, failure: { kind: 'memory' } });
      expect(await tryGood(good)).toEqual(before);
    }
  });
});
