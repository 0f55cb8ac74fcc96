import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor/tensor.ts';
import { decodeBinaryRequest, decodeBinaryResponse, encodeBinaryRequest, encodeBinaryResponse } from './binary.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const tensors: Tensor[] = [
  { name: 'b', datatype: 'BOOL', shape: [3], data: new Uint8Array([1, 0, 1]) },
  { name: 'f', datatype: 'FP32', shape: [2, 1], data: new Float32Array([0.1, Number.NaN]) },
  { name: 'i', datatype: 'INT64', shape: [1], data: new BigInt64Array([-(2n ** 63n)]) },
  { name: 'bf', datatype: 'BF16', shape: [1], data: new Uint16Array([0x3f80]) },
  { name: 's', datatype: 'BYTES', shape: [2], data: [utf8('grüße'), new Uint8Array([0xff])] },
  { name: 'e', datatype: 'FP64', shape: [0], data: new Float64Array() },
];

/** A body of a JSON header and bytes, as a foreign client would send it. */
function body(header: object, bytes: Uint8Array) {
  const json = utf8(JSON.stringify(header));
  return [new Uint8Array([...json, ...bytes]), json.byteLength] as const;
}
const one = (fields: object, size: unknown, bytes: number) =>
  body(
    { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], parameters: { binary_data_size: size }, ...fields }] },
    new Uint8Array(bytes),
  );

describe('the binary codec', () => {
  it('gives back every datatype bit for bit, aligned or not', () => {
    const request = encodeBinaryRequest({ id: 'r', inputs: tensors, outputs: [{ name: 'o' }] });
    expect(request.headerLength % 8).toBe(0);
    const decoded = decodeBinaryRequest(request.bytes, request.headerLength);
    expect(decoded).toMatchObject({
      id: 'r',
      inputs: tensors,
      outputs: [{ name: 'o' }],
      parameters: { binary_data_output: true },
    });
    const response = encodeBinaryResponse({ modelName: 'm', modelVersion: '2', outputs: tensors });
    expect(decodeBinaryResponse(response.bytes, response.headerLength).outputs).toEqual(tensors);
  });

  it('views aligned data in place', () => {
    const [, f] = tensors;
    const { bytes, headerLength } = encodeBinaryRequest({ inputs: [f as Tensor] });
    const [decoded] = decodeBinaryRequest(bytes, headerLength).inputs;
    expect(decoded?.data).toMatchObject({ buffer: bytes.buffer });
  });

  it('takes binary and JSON inputs in one request', () => {
    const [bytes, length] = body(
      {
        inputs: [
          { name: 'j', datatype: 'FP32', shape: [1], data: [5] },
          { name: 'x', datatype: 'UINT8', shape: [2], parameters: { binary_data_size: 2 } },
        ],
      },
      new Uint8Array([7, 8]),
    );
    expect(decodeBinaryRequest(bytes, length).inputs.map((t) => [...(t.data as Uint8Array)])).toEqual([[5], [7, 8]]);
  });

  it.each([
    [one({}, 7, 8), 'FP32 [2] is 8 bytes, binary_data_size is 7'],
    [one({}, 8, 4), 'binary_data_size is 8, 4 bytes are left'],
    [one({}, 8, 9), '1 bytes follow the last tensor'],
    [one({}, -1, 8), 'binary_data_size is -1'],
    [one({}, 'a', 8), 'binary_data_size is a'],
    [one({ datatype: 'BYTES', shape: [1] }, 3, 3), 'element 0 reaches beyond the data'],
    [one({ datatype: 'BYTES', shape: [3] }, 8, 8), 'expected 3 elements, got 2'],
  ])('says what is wrong %#', ([bytes, length], sentence) =>
    expect(() => decodeBinaryRequest(bytes, length)).toThrow(sentence),
  );

  it.each([-1, 1.5, 10_000, Number.NaN])('refuses a header length of %s', (length) =>
    expect(() => decodeBinaryRequest(new Uint8Array(10), length)).toThrow(/Inference-Header-Content-Length/),
  );
});

describe('a header that came before', () => {
  const header = (inputs: string) => new TextEncoder().encode(`{"inputs":[${inputs}]}`);
  const body = (json: Uint8Array, ...data: number[]) => {
    const bytes = new Uint8Array(json.byteLength + data.length);
    bytes.set(json);
    bytes.set(data, json.byteLength);
    return bytes;
  };

  it('is read anew with each data, and what is made of it is its own', () => {
    const json = header('{"name":"x","datatype":"UINT8","shape":[2],"parameters":{"binary_data_size":2}}');
    const first = decodeBinaryRequest(body(json, 1, 2), json.byteLength);
    first.inputs[0]?.shape.push(7);
    const second = decodeBinaryRequest(body(json, 3, 4), json.byteLength);
    expect(second.inputs).toEqual([{ name: 'x', datatype: 'UINT8', shape: [2], data: Uint8Array.of(3, 4) }]);
    expect(() => decodeBinaryRequest(body(json, 5), json.byteLength)).toThrow('binary_data_size');
  });

  it('is refused again, in the same words', () => {
    const json = header('{"name":"x","datatype":"UINT9","shape":[2]}');
    const sentence = () => {
      try {
        return decodeBinaryRequest(body(json), json.byteLength);
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(sentence()).toContain('datatype');
    expect(sentence()).toBe(sentence());
  });
});
