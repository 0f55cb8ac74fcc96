import {
  decodeBinaryRequest,
  decodeInferRequest,
  encodeBinaryRequest,
  encodeInferRequest,
  type Tensor,
} from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { type ResponseKeyParts, responseKey } from './response-key.ts';

const x: Tensor = { name: 'x', datatype: 'FP32', shape: [2], data: new Float32Array([0.1, 0.2]) };
const y: Tensor = { name: 'y', datatype: 'INT64', shape: [1], data: new BigInt64Array([2n ** 60n]) };
const parts: ResponseKeyParts = { scope: 'team_a', versionDigest: 'sha256:1', outputs: ['o'], inputs: [x, y] };

describe('responseKey', () => {
  it('is equal whatever encoding and order the inputs came in', async () => {
    const key = await responseKey(parts);
    const binary = encodeBinaryRequest({ inputs: [y, x] });
    const viaBinary = decodeBinaryRequest(binary.bytes, binary.headerLength).inputs;
    const viaJson = decodeInferRequest(new TextEncoder().encode(encodeInferRequest({ inputs: [x, y] }))).inputs;
    expect(await responseKey({ ...parts, inputs: viaBinary })).toBe(key);
    expect(await responseKey({ ...parts, inputs: viaJson })).toBe(key);
  });

  it('differs by scope, version, outputs, names, datatypes, shapes and every bit of data', async () => {
    const scalar = (name: string, datatype: 'UINT8' | 'BOOL', shape: number[], bytes: number[]): Tensor => ({
      name,
      datatype,
      shape,
      data: Uint8Array.from(bytes),
    });
    const variants: ResponseKeyParts[] = [
      parts,
      { ...parts, scope: 'team_b' },
      { ...parts, versionDigest: 'sha256:2' },
      { ...parts, outputs: ['o', 'p'] },
      { ...parts, outputs: ['p', 'o'] },
      { ...parts, inputs: [x] },
      { ...parts, inputs: [{ ...x, data: new Float32Array([0.1, 0.2000002]) }, y] },
      { ...parts, inputs: [scalar('x', 'UINT8', [2], [0, 1])] },
      { ...parts, inputs: [scalar('x', 'BOOL', [2], [0, 1])] },
      { ...parts, inputs: [scalar('x', 'UINT8', [1, 2], [0, 1])] },
      { ...parts, inputs: [scalar('z', 'UINT8', [2], [0, 1])] },
    ];
    const keys = await Promise.all(variants.map(responseKey));
    expect(new Set(keys).size).toBe(variants.length);
  });

  it('tells two splits of the same bytes apart', async () => {
    const strings = (...texts: string[]): Tensor => ({
      name: 's',
      datatype: 'BYTES',
      shape: [2],
      data: texts.map((text) => new TextEncoder().encode(text)),
    });
    const one = await responseKey({ ...parts, inputs: [strings('ab', 'c')] });
    const other = await responseKey({ ...parts, inputs: [strings('a', 'bc')] });
    expect(one).not.toBe(other);
  });
});
