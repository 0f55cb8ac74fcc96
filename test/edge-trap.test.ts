/** A model that stops ONNX Runtime at the edge stops itself and nobody else. */
import { expect, it } from 'vitest';
import { call, newModel, uploadReady } from './support/api.ts';
import { divisionModel } from './support/onnx-models.ts';
import { tinyModel } from './support/tiny-model.ts';

/** -2^31 / -1 is no int32: in WASM the division itself stops. */
const body = (x: number, z: number) => ({
  inputs: [
    { name: 'x', datatype: 'INT32', shape: [1], data: [x] },
    { name: 'z', datatype: 'INT32', shape: [1], data: [z] },
  ],
});
const at = (place: string) => ({ headers: { 'x-lepton-place': place } });

it('others go on at the edge, their sessions made anew', async () => {
  const theirs = await newModel();
  await uploadReady(theirs.client, theirs.name, tinyModel(theirs.name));
  const hostile = await newModel();
  const inputs = Object.fromEntries(['x', 'z'].map((name) => [name, { shape: [1], values: 1 }]));
  await uploadReady(hostile.client, hostile.name, divisionModel(), { trial: { inputs } });
  const stop = (place: string) =>
    call('POST', `/v2/models/${hostile.name}/infer`, { key: hostile.secret, body: body(-(2 ** 31), -1), ...at(place) });
  const ask = (value: number) =>
    call('POST', `/v2/models/${theirs.name}/infer`, {
      key: theirs.secret,
      body: { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [value, 1] }] },
      ...at('edge'),
    });
  const fine = await call('POST', `/v2/models/${hostile.name}/infer`, {
    key: hostile.secret,
    body: body(6, 2),
    ...at('edge'),
  });
  expect(fine.body).toMatchObject({ outputs: [{ data: [3] }] });
  expect(await ask(1)).toMatchObject({ status: 200 });

  const stopped = await stop('edge');
  expect([stopped.status, stopped.body.error]).toEqual([
    503,
    'ONNX Runtime stopped while running this model at the edge',
  ]);
  const answers = await Promise.all(Array.from({ length: 8 }, (_, i) => ask(i + 1)));
  for (const [i, { status, body: answer }] of answers.entries()) {
    expect([status, answer]).toMatchObject([200, { outputs: [{ data: [-(i + 1), -1] }] }]);
  }
  expect(await stop('edge')).toMatchObject({
    status: 503,
    body: { error: 'this model has lately stopped ONNX Runtime at the edge' },
  });
  expect(await ask(9)).toMatchObject({ status: 200 });
});
