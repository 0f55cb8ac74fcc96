import { createHash } from 'node:crypto';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LeptonClient } from '@lepton-edge/client';
import type { ManifestInput, Version } from '@lepton-edge/protocol';
import ort from 'onnxruntime-node';
import { describe, expect, it } from 'vitest';
import { call, freshName, keyOf, newModel, newTeamKey, uploadReady } from './support/api.ts';
import {
  endlessModel,
  externalModel,
  hugeModel,
  mixingModel,
  negationModel,
  pickyModel,
  randomModel,
  withoutKernelModel,
} from './support/onnx-models.ts';
import { tinyModel } from './support/tiny-model.ts';

type Bytes = Uint8Array<ArrayBuffer>;

const sha256 = (bytes: Uint8Array) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const vector = (...data: number[]) => ({
  inputs: [{ name: 'x', datatype: 'FP32', shape: [data.length], data }],
});

async function admitted(own: LeptonClient, { model, version }: Version): Promise<Version> {
  for (;;) {
    const now = await own.versions.get(model, version);
    if (now.state !== 'admitting') return now;
    await sleep(50);
  }
}

/** Uploads a model of a new team and waits for the end of its admission, whatever that is. */
async function admit(onnx: Bytes, manifest?: ManifestInput) {
  const owner = await newModel();
  const version = await admitted(owner.client, await owner.client.versions.upload(owner.name, onnx, manifest));
  return { ...owner, version };
}

/** Stores a file in one part. */
async function store(own: LeptonClient, bytes: Bytes): Promise<string> {
  const digest = sha256(bytes);
  const upload = await own.uploads.create({ sizeBytes: bytes.byteLength, digest });
  if ('exists' in upload) return digest;
  await own.uploads.putPart(upload.id, 1, bytes);
  await own.uploads.complete(upload.id);
  return digest;
}

async function storeAll(own: LeptonClient, files: Record<string, Bytes>) {
  return await Promise.all(
    Object.entries(files).map(async ([path, bytes]) => ({ path, digest: await store(own, bytes) })),
  );
}

describe('the admission of a version', () => {
  it('tries it at the edge and on the node, and tells what that showed', async () => {
    const { version } = await admit(negationModel('tried'));
    const measured = {
      runMs: expect.any(Number),
      loadMs: expect.any(Number),
      perItemMs: { 1: expect.any(Number), 4: expect.any(Number), 8: expect.any(Number) },
      batchInvariant: true,
      deterministic: true,
    };
    expect(version).toMatchObject({
      state: 'ready',
      admission: {
        edgeEligible: true,
        multiplyAdds: expect.any(Number),
        node: { ...measured, where: 'local-1', engine: 'ort-cpu' },
        edge: { ...measured, where: 'edge', engine: 'ort-wasm', wasmBytes: expect.any(Number) },
        batching: { maxBatchSize: expect.any(Number) },
      },
    });
    expect(version.admission?.edge?.wasmBytes).toBeGreaterThan(0);
  });

  it('is not made again for bytes that the same team had measured, and shows nothing of other teams', async () => {
    const bytes = negationModel(freshName('measured'));
    const { version, team, client: own, name } = await admit(bytes);
    const again = await own.versions.upload(name, bytes);
    expect(again).toMatchObject({ state: 'ready', digest: version.digest, admission: version.admission });
    const sibling = await keyOf(team, 'models:read', 'models:write');
    const second = freshName('model');
    await sibling.client.models.create({ name: second });
    expect(await sibling.client.versions.upload(second, bytes)).toMatchObject({ state: 'ready' });
    expect((await own.versions.upload(name, bytes, { placement: { policy: 'node' } })).state).toBe('admitting');
    const other = await newModel();
    expect((await other.client.versions.upload(other.name, bytes)).state).toBe('admitting');
  });

  it('is not decided by what another team had the same bytes tried with', async () => {
    const bytes = negationModel(freshName('poison'));
    const poisoned = await admit(bytes, { trial: { inputs: { x: { shape: [0] } } }, deterministic: false });
    expect(poisoned.version.state).toBe('ready');
    const { version } = await admit(bytes, { placement: { policy: 'edge' } });
    expect(version).toMatchObject({ state: 'ready', admission: { edgeEligible: true, edge: { shapes: { x: [1] } } } });
  });

  it('reaches the node also with a long manifest', async () => {
    const labels = Array.from({ length: 3000 }, (_, i) => `label number ${i}`);
    const { client: own, name } = await newModel();
    const [file] = await storeAll(own, { 'model.onnx': negationModel(freshName('labels')) });
    const made = await own.versions.create(name, {
      files: [file as { path: string; digest: string }],
      manifest: { labels },
    });
    const version = await admitted(own, made);
    expect(version).toMatchObject({ state: 'ready', admission: { node: { where: 'local-1' }, notes: [] } });
  });

  it('stops a run that does not end, and the gateway goes on meanwhile', async () => {
    const { client: own, name, secret } = await newModel();
    const other = await newModel();
    await uploadReady(other.client, other.name, tinyModel(other.name));
    const uploaded = await own.versions.upload(name, endlessModel());
    expect(uploaded.state).toBe('admitting');
    const early = await call('POST', `/v2/models/${name}/infer`, { key: secret, body: vector(1) });
    expect(early).toMatchObject({ status: 503, body: { code: 'version_admitting' } });
    expect(Number(early.headers.get('retry-after'))).toBeGreaterThan(0);
    expect((await call('POST', `/v2/models/${other.name}/infer`, { key: other.secret, body: vector(1) })).status).toBe(
      200,
    );
    const { state, reason } = await admitted(own, uploaded);
    expect(state).toBe('rejected');
    expect(reason).toMatch(/did not end within \d+ s/);
    const late = await call('POST', `/v2/models/${name}@1/infer`, { key: secret, body: vector(1) });
    expect(late).toMatchObject({ status: 404, body: { code: 'version_not_found' } });
    expect(late.body.error).toContain('rejected');
  });

  it('rejects what no engine can load, and names the operator', async () => {
    const { version } = await admit(withoutKernelModel());
    expect(version.state).toBe('rejected');
    expect(version.reason).toMatch(/Softmax/);
  });

  it('finds that runs differ, and such a model is not cached', async () => {
    const { version, name, secret } = await admit(randomModel());
    expect(version).toMatchObject({ state: 'ready', admission: { edge: { deterministic: false } } });
    for (let i = 0; i < 2; i++) {
      const answer = await call('POST', `/v2/models/${name}/infer`, { key: secret, body: vector(1, 2) });
      expect(answer.headers.get('x-lepton-cache')).toBe('bypass');
    }
  });

  it('finds that items of a batch depend on each other', async () => {
    const { version } = await admit(mixingModel());
    expect(version).toMatchObject({ state: 'ready', admission: { node: { batchInvariant: false } } });
    expect(version.admission?.batching).toBeUndefined();
  });

  it('tells what to state when no generated input fits, and then measures with that', async () => {
    const untried = await admit(pickyModel());
    expect(untried.version).toMatchObject({
      state: 'ready',
      admission: { edgeEligible: false, nodeFailure: { kind: 'inputs' } },
    });
    expect(untried.version.admission?.edgeReason).toContain('trial.inputs');
    const atEdge = await admit(pickyModel(), { placement: { policy: 'edge' } });
    expect(atEdge.version.state).toBe('rejected');
    expect(atEdge.version.reason).toMatch(/policy is "edge".*trial\.inputs/s);
    const stated = await admit(pickyModel(), { trial: { inputs: { x: { shape: [7], values: 2 } } } });
    expect(stated.version).toMatchObject({
      state: 'ready',
      admission: { edgeEligible: true, edge: { shapes: { x: [7] } } },
    });
  });
});

describe('a version whose answers are too large for the edge', () => {
  it('is told so, and runs on nodes', async () => {
    const { version } = await admit(hugeModel(2_950));
    expect(version).toMatchObject({ state: 'ready', admission: { edgeEligible: false, node: { where: 'local-1' } } });
    expect(version.admission?.edgeReason).toContain('32 MiB');
  });
});

describe('a version of several files', () => {
  const weights = Uint8Array.from(new Uint8Array(Float32Array.of(9, 9, 10, 20, 30, 40).buffer));

  it('runs with weights from a file of their own, on a node', async () => {
    const { client: own, name, secret } = await newModel();
    const files = await storeAll(own, {
      'model.onnx': externalModel('parts/w.bin', 8),
      'parts/w.bin': weights,
      'README.md': new TextEncoder().encode('# Größe'),
      'labels.txt': new TextEncoder().encode('one\ntwo\n'),
    });
    const made = await own.versions.create(name, {
      files,
      manifest: { card: { path: 'README.md' }, labels: { path: 'labels.txt' } },
    });
    expect(made).toMatchObject({
      version: 1,
      sizeBytes: expect.any(Number),
      manifest: { card: '# Größe', files: [{ path: 'model.onnx' }, {}, {}, {}] },
    });
    const version = await admitted(own, made);
    expect(version).toMatchObject({
      state: 'ready',
      admission: { edgeEligible: false, edgeReason: 'its weights are in several files', node: { where: 'local-1' } },
    });
    const body = { inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 4], data: [1, 1, 1, 1] }] };
    const answer = await call('POST', `/v2/models/${name}/infer`, { key: secret, body });
    expect(answer.body).toMatchObject({ outputs: [{ data: [11, 21, 31, 41] }] });
    expect(answer.headers.get('x-lepton-placement')).toMatch(/^node:/);
  });

  it('is refused while weights are missing or cut off, and for what the manifest says wrongly', async () => {
    const { client: own, name, secret } = await newModel();
    const [model] = await storeAll(own, { 'model.onnx': externalModel('w.bin', 8) });
    const [whole] = await storeAll(own, { 'w.bin': weights });
    const [cut] = await storeAll(own, { 'w.bin': weights.slice(0, 20) });
    const [labels] = await storeAll(own, { 'labels.json': new TextEncoder().encode('{"no":"list"}') });
    const make = (body: unknown) => call('POST', `/api/models/${name}/versions`, { key: secret, body });
    const missing = await make({ files: [model] });
    expect(missing).toMatchObject({ status: 422, body: { code: 'model_invalid' } });
    expect(missing.body.detail).toContain('w.bin did not come');
    expect((await make({ files: [model, cut] })).body.detail).toMatch(/w\.bin has 20 bytes.*first 24/);
    const badLabels = await make({ files: [model, whole, labels], manifest: { labels: { path: 'labels.json' } } });
    expect(badLabels.body.detail).toMatch(/labels\.json: expected a JSON array of strings/);
    const noLabels = await make({ files: [model, whole], manifest: { labels: { path: 'nothing.json' } } });
    expect(noLabels.body.detail).toContain('"nothing.json" is not among the files');
    for (const path of ['../model.onnx', '/etc/model.onnx', 'a//b.onnx/..', 'a\\b.onnx', '']) {
      expect(await make({ files: [{ ...model, path }] })).toMatchObject({
        status: 400,
        body: { code: 'invalid_request' },
      });
    }
    expect((await own.versions.list(name)).items).toEqual([]);
  });

  it('cannot be made of files that only another team stored', async () => {
    const { client: own } = await newModel();
    const [foreign] = await storeAll(own, { 'model.onnx': negationModel(freshName('foreign')) });
    const other = await newModel();
    const make = (digest: string | undefined) =>
      call('POST', `/api/models/${other.name}/versions`, {
        key: other.secret,
        body: { files: [{ path: 'model.onnx', digest }] },
      });
    const stolen = await make(foreign?.digest);
    const absent = await make(`sha256:${'0'.repeat(64)}`);
    expect(stolen).toMatchObject({ status: 404, body: { code: 'blob_not_found' } });
    expect(String(stolen.body.detail).replaceAll(String(foreign?.digest), 'D')).toBe(
      String(absent.body.detail).replaceAll(`sha256:${'0'.repeat(64)}`, 'D'),
    );
  });

  it('shares what is stored: the same bytes are sent once, by each team', async () => {
    const bytes = negationModel(freshName('shared'));
    const [one, two] = [await newTeamKey('models:write'), await newTeamKey('models:write')];
    await store(one.client, bytes);
    const upload = { sizeBytes: bytes.byteLength, digest: sha256(bytes) };
    expect(await one.client.uploads.create(upload)).toMatchObject({ exists: true });
    expect(await two.client.uploads.create(upload)).toMatchObject({ state: 'open' });
  });

  it('may be an .ort file, whose signature the trial tells', async () => {
    const { client: own, name, secret } = await newModel();
    const folder = await mkdtemp(join(tmpdir(), 'lepton-ort-'));
    const path = join(folder, 'model.ort');
    const session = await ort.InferenceSession.create(negationModel('ort'), {
      optimizedModelFilePath: path,
      extra: { session: { save_model_format: 'ORT' } },
    });
    await session.release();
    const bytes = Uint8Array.from(await readFile(path));
    await rm(folder, { recursive: true });
    const made = await own.versions.upload(name, bytes);
    const version = await admitted(own, made);
    expect(version).toMatchObject({
      state: 'ready',
      digest: made.digest,
      manifest: { format: 'ort', inputs: [{ name: 'x', datatype: 'FP32', shape: [-1] }] },
      admission: { edgeEligible: true, notes: [expect.stringContaining('does not tell its operators')] },
    });
    for (const place of ['edge', 'node']) {
      const headers = { 'x-lepton-place': place };
      const answer = await call('POST', `/v2/models/${name}/infer`, { key: secret, body: vector(3, 4), headers });
      expect(answer.body).toMatchObject({ outputs: [{ data: [-3, -4] }] });
    }
    const twin = await own.versions.upload(name, bytes);
    expect(twin).toMatchObject({ state: 'ready', digest: made.digest, manifest: { inputs: [{ name: 'x' }] } });
  });
});
