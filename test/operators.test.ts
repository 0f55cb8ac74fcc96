/** Every datatype, rank and awkward name over HTTP through real runtimes: at the edge and on a node, in JSON and binary. */
import { beforeAll, describe, expect, inject, it } from 'vitest';
import { differenceOf } from './operators/differences.ts';
import { inferOver } from './operators/over-http.ts';
import { samples } from './operators/samples.ts';
import { newModel, uploadReady } from './support/api.ts';

const cases = samples().map((sample) => ({ ...sample, ref: '' }));

beforeAll(async () => {
  const { client: own, name } = await newModel();
  const admit = async (sample: (typeof cases)[number]) => {
    const { version, admission } = await uploadReady(own, name, sample.onnx);
    expect(admission?.edgeReason).toBeUndefined();
    sample.ref = `${name}@${version}`;
  };
  await Promise.all(cases.map(admit));
});

describe.each(cases)('$name', (sample) => {
  it.each(
    (['edge', 'node'] as const).flatMap((place) =>
      (['binary', 'json'] as const).map((encoding) => ({ place, encoding })),
    ),
  )('at the $place in $encoding', async ({ place, encoding }) => {
    const server = { url: inject('gatewayUrl'), key: inject('adminKey') };
    for (const { inputs, expected } of sample.runs) {
      const outputs = await inferOver(server, sample.ref, inputs, place, encoding);
      expect(differenceOf(outputs, expected)).toBeUndefined();
    }
  });
});
