import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor/tensor.ts';
import { decodeInferRequest, decodeInferResponse, encodeInferRequest, encodeInferResponse } from './json.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const decode = (body: unknown) => decodeInferRequest(utf8(JSON.stringify(body)));
const input = (fields: object) => ({ inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: [1, 2], ...fields }] });

const tensors: Tensor[] = [
  {
    name: 'f',
    datatype: 'FP32',
    shape: [2, 2],
    data: new Float32Array([0.1, -1e30, Number.NaN, Number.NEGATIVE_INFINITY]),
  },
  { name: 'd', datatype: 'FP64', shape: [2], data: new Float64Array([0.1, 5e-324]) },
  { name: 'h', datatype: 'FP16', shape: [3], data: new Uint16Array([0x3c00, 0x7c00, 0x0001]) },
  { name: 'i', datatype: 'INT64', shape: [2], data: new BigInt64Array([-(2n ** 63n), 2n ** 63n - 1n]) },
  { name: 'u', datatype: 'UINT64', shape: [1], data: new BigUint64Array([2n ** 64n - 1n]) },
  { name: 'b', datatype: 'BOOL', shape: [2], data: new Uint8Array([1, 0]) },
  { name: 'n', datatype: 'INT8', shape: [], data: new Int8Array([-128]) },
  { name: 's', datatype: 'BYTES', shape: [2], data: [utf8('grüße'), utf8('')] },
  { name: 'e', datatype: 'FP32', shape: [0, 3], data: new Float32Array() },
];

describe('the JSON codec', () => {
  it('gives back every datatype as it was, 64-bit integers and non-finite numbers too', () => {
    const request = encodeInferRequest({ id: 'r', inputs: tensors });
    expect(decodeInferRequest(utf8(request))).toMatchObject({ id: 'r', inputs: tensors });
    const response = encodeInferResponse({ modelName: 'm', modelVersion: '1', outputs: tensors });
    expect(decodeInferResponse(utf8(response))).toMatchObject({ modelName: 'm', modelVersion: '1', outputs: tensors });
  });

  it('takes nested data, row-major', () => {
    const data = [[[1, 2, 3]], [[4, 5, 6]]];
    const [x] = decode(input({ shape: [2, 1, 3], data })).inputs;
    expect(x?.data).toEqual(new Float32Array([1, 2, 3, 4, 5, 6]));
  });

  it.each([
    [{ shape: [], data: 5 }, [5]],
    [{ shape: [], data: [5] }, [5]],
    [{ shape: [], data: 'Infinity' }, [Number.POSITIVE_INFINITY]],
    [{ shape: [0], data: [] }, []],
    [{ shape: [0, 3], data: [] }, []],
    [{ shape: [2, 0], data: [[], []] }, []],
    [{ shape: [2, 0, 3], data: [[], []] }, []],
    [{ shape: [2, 1], data: [1, 2] }, [1, 2]],
  ])('takes scalars and tensors without elements: %j', (fields, elements) =>
    expect(decode(input(fields)).inputs[0]?.data).toEqual(Float32Array.from(elements)),
  );

  it('keeps the sign of zero, as a float that no reader takes for an integer', () => {
    const zero: Tensor = { name: 'z', datatype: 'FP64', shape: [1], data: new Float64Array([-0]) };
    expect(encodeInferRequest({ inputs: [zero] })).toContain('"data":[-0.0]');
    expect(
      decodeInferRequest(utf8('{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[-0]}]}')),
    ).toMatchObject({
      inputs: [{ data: new Float32Array([-0]) }],
    });
  });

  it.each(['NaN', '-Infinity', '1.0, Infinity', '[NaN'])('says how to send what Python writes as %s', (data) =>
    expect(() =>
      decodeInferRequest(utf8(`{"inputs":[{"name":"x","datatype":"FP32","shape":[1],"data":[${data}]}]}`)),
    ).toThrow(/send them as the strings "NaN", "Infinity" and "-Infinity", or as binary data/),
  );

  it.each([
    [{ data: [1] }, 'input "x": shape [2] needs 2 elements, got 1'],
    [{ data: [1, 2, 3] }, 'needs 2 elements, got 3'],
    [{ data: [1, 'a'] }, 'input "x": element 1 is "a", expected FP32'],
    [{ data: [1, null] }, 'element 1 is null'],
    [{ data: undefined }, 'expected data as an array of 2 elements, got no data'],
    [{ data: 'ab' }, 'got string'],
    [{ shape: [-1], data: [1] }, 'expected sizes that are 0 or more, got [-1]'],
    [{ shape: [2 ** 30, 2 ** 30], data: [] }, 'too many elements'],
    [{ shape: [2, 2], data: [[1, 2], [3]] }, 'expected rows of 2 along axis 1 of [2,2], got 1'],
    [{ shape: [2, 2], data: [[1, 2], 3] }, 'got number'],
    [{ shape: [2, 2], data: [[1, 2]] }, 'expected rows of 2 along axis 0 of [2,2], got 1'],
    [
      {
        shape: [2, 2],
        data: [
          [[1], [2]],
          [[3], [4]],
        ],
      },
      'element 0 is an array, expected FP32: the data is nested deeper',
    ],
    [
      {
        shape: [2, 2, 2],
        data: [
          [1, 2, 3, 4],
          [5, 6, 7, 8],
        ],
      },
      'expected rows of 2 along axis 1 of [2,2,2], got 4',
    ],
    [{ shape: [], data: {} }, 'element 0 is an object'],
    [{ shape: [], data: null }, 'element 0 is null'],
    [{ data: [1, { valueOf: 1, toString: 1 }] }, 'element 1 is an object'],
    [{ datatype: 'INT32', data: [1, { valueOf: 1, toString: 1 }] }, 'element 1 is an object'],
    [
      { datatype: 'UINT64', data: [1, -1] },
      'element 1 is -1, expected UINT64 (an integer from 0 to 18446744073709551615)',
    ],
    [{ datatype: 'INT8', data: [1, 128] }, 'element 1 is 128, expected INT8 (an integer from -128 to 127)'],
    [{ datatype: 'UINT8', data: [1, 1.5] }, 'element 1 is 1.5, expected UINT8'],
    [{ datatype: 'INT64', data: [1, 0.5] }, 'element 1 is 0.5, expected INT64'],
    [{ datatype: 'BOOL', data: [true, 2] }, 'element 1 is 2, expected BOOL'],
    [{ datatype: 'BYTES', data: ['a', 1] }, 'element 1 is 1, expected a string'],
    [{ datatype: 'BF16', data: [1, 2] }, 'BF16 has no JSON form'],
  ])('says what is wrong with %j', (fields, sentence) => expect(() => decode(input(fields))).toThrow(sentence));

  it.each([
    [{}, 'inputs'],
    [{ inputs: {} }, 'inputs'],
    [input({ datatype: 'FLOAT' }), 'inputs.0.datatype'],
    [input({ shape: ['a'] }), 'inputs.0.shape.0'],
    [{ ...input({}), id: 5 }, 'id'],
    [{ ...input({}), outputs: [{}] }, 'outputs.0.name'],
    [[1], ''],
  ])('names the field of %j that is not as expected', (body, path) => {
    const error = (() => {
      try {
        return decode(body);
      } catch (thrown) {
        return thrown;
      }
    })();
    expect(error).toMatchObject({ code: 'invalid_request', errors: [{ path }] });
  });

  it.each(['', '{', '{"inputs":[}', 'nonsense'])('refuses %j as JSON', (text) =>
    expect(() => decodeInferRequest(utf8(text))).toThrow(/JSON/),
  );

  it('refuses bytes that are not UTF-8', () =>
    expect(() => decodeInferRequest(new Uint8Array([0x7b, 0xff]))).toThrow(/not UTF-8/));

  it('survives deep nesting', () => {
    const data = '['.repeat(100_000) + ']'.repeat(100_000);
    const body = `{"inputs":[{"name":"x","datatype":"FP32","shape":[1,1],"data":${data}}]}`;
    expect(() => decodeInferRequest(utf8(body))).toThrow(/element 0 is an array/);
  });
});
