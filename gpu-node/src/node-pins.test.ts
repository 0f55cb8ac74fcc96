import { PinClaims, RepositoryIndex, type Version } from '@lepton-edge/protocol';
import { decodeJwt } from 'jose';
import { describe, expect, it } from 'vitest';
import { GRANT } from './testing/gateway-stand-in.ts';
import { addFiles, loneNode } from './testing/lone-fixture.ts';
import { joinedNode } from './testing/node-fixture.ts';
import { addModel, identityModel } from './testing/onnx-file.ts';

const vector = (name: string) => ({ name, datatype: 'FP32' as const, shape: [-1] });

describe('pins in a fleet', () => {
  it('are loaded without a request, kept while others come and go, and follow their alias', async () => {
    const { gateway, infer, node, logged } = await joinedNode({ pin: ['a@production', 'gone'], maxModels: 2 });
    const manifest = { inputs: [vector('x')], outputs: [vector('y')] };
    const versions = ['a', 'b', 'c', 'd'].map((model) => gateway.publish(model, identityModel('FP32'), manifest));
    const [a, b, c, d] = versions as [Version, Version, Version, Version];
    const standFor = ({ model, version, digest }: Version) => {
      const reason = 'no model is named "gone"';
      gateway.wanted = [
        { reference: 'a@production', model, version, digest, grant: GRANT },
        { reference: 'gone', reason },
      ];
    };
    standFor(a);
    const first = await gateway.heartbeat(({ pins }) => pins !== undefined);
    expect(PinClaims.parse(decodeJwt(first.pins?.request ?? '')).pins).toEqual(['a@production', 'gone']);
    const isReady = (version: Version) =>
      gateway.heartbeat(({ loaded, pins }) => {
        const ready = pins?.states.some(({ state }) => state === 'ready');
        return ready === true && loaded.some(({ digest }) => digest === version.digest);
      });
    const { pins } = await isReady(a);
    expect(pins?.states).toContainEqual({ reference: 'a@production', version: 1, state: 'ready' });
    const entries = await fetch(`${node.url}/v2/repository/index`, {
      method: 'POST',
      headers: { authorization: `Bearer ${await gateway.sign()}` },
    });
    expect(RepositoryIndex.parse(await entries.json())).toContainEqual({
      name: 'gone',
      version: '',
      state: 'UNAVAILABLE',
      reason: 'pinned as gone: no model is named "gone"',
    });
    const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1], data: [1] }] });
    for (const version of [b, c]) expect((await infer(version, body)).status).toBe(200);
    const models = await gateway.heartbeat(({ loaded }) => loaded.some(({ digest }) => digest === c.digest));
    expect(models.loaded.map(({ model }) => model).sort()).toEqual(['a', 'c']);
    // Elsewhere the alias has moved.
    standFor(d);
    await isReady(d);
    expect((await infer(b, body)).status).toBe(200);
    const { loaded } = await gateway.heartbeat(({ loaded }) => loaded.some(({ digest }) => digest === b.digest));
    expect(loaded.length).toBeLessThanOrEqual(2);
    expect(logged.join('')).toContain('pinned model ready');
  });
});

describe('pins of a node alone', () => {
  it('have their room first, are never driven out, and follow their name', async () => {
    const files = { 'a/1/model.onnx': addModel(), 'z/1/model.onnx': identityModel('FP32') };
    const node = await loneNode(files, '--pin', 'z,missing', '--max-models', '1');
    await node.ready();
    const ready = async () => {
      const response = await node.post('/v2/repository/index', '{"ready":true}');
      return RepositoryIndex.parse(await response.json()).map(({ name, version }) => `${name}@${version}`);
    };
    expect(await ready()).toEqual(['z@1']);
    const full = await node.get('/v2/models/a');
    expect([full.status, await full.text()]).toEqual([503, expect.stringContaining('in use or pinned')]);
    await addFiles(node.root, { 'z/2/model.onnx': identityModel('FP64'), 'missing/1/model.onnx': 'no model' });
    expect((await node.post('/v2/repository/models/z/load')).status).toBe(200);
    expect(await ready()).toEqual(['z@2']);
    expect((await node.get('/v2/models/a')).status).toBe(503);
    // Where the next one cannot be loaded, the old one comes back and stays.
    await addFiles(node.root, { 'z/3/model.onnx': 'no model' });
    expect((await node.post('/v2/repository/models/z/load')).status).toBe(503);
    await expect.poll(ready).toEqual(['z@2']);
    await expect.poll(async () => (await node.get('/v2/models/a')).status).toBe(503);
    // What somebody unloads is not brought back.
    expect((await node.post('/v2/repository/models/z/unload')).status).toBe(200);
    expect((await node.get('/v2/models/a')).status).toBe(200);
  });
});
