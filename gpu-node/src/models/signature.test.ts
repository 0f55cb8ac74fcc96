import { Manifest, type TensorSpec } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { disagreement, withSignature } from './signature.ts';

const spec = (name: string, datatype: TensorSpec['datatype'] = 'FP32'): TensorSpec => ({ name, datatype, shape: [-1] });
const file = { inputs: [spec('a'), spec('b')], outputs: [spec('y'), spec('z')] };
const manifest = (inputs: TensorSpec[], outputs: TensorSpec[]) =>
  Manifest.parse({
    format: 'onnx',
    files: [{ path: 'model.onnx', digest: `sha256:${'0'.repeat(64)}`, sizeBytes: 1 }],
    inputs,
    outputs,
  });

describe('withSignature', () => {
  it('takes from the file what the manifest does not state', () => {
    expect(withSignature(manifest([], [spec('y')]), file)).toMatchObject({ inputs: file.inputs, outputs: [spec('y')] });
  });
});

describe('disagreement', () => {
  it.each([
    [[], [], undefined],
    [file.inputs, [spec('z')], undefined],
    [[spec('a'), spec('c')], [], 'states the input "c", which the file does not have'],
    [[spec('a')], [], 'does not state the input "b"'],
    [[spec('a'), spec('b', 'INT64')], [], '"b" as INT64, the file has FP32'],
    [file.inputs, [spec('x')], 'states the output "x"'],
  ])('of %j and %j: %s', (inputs, outputs, part) => {
    const found = disagreement(manifest(inputs, outputs), file);
    if (part === undefined) expect(found).toBeUndefined();
    else expect(found).toContain(part);
  });
});
