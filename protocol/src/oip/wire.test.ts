import { describe, expect, it } from 'vitest';
import type { Tensor } from '../tensor/tensor.ts';
import type { TensorSpec } from '../versions.ts';
import { decodeBinaryResponse } from './binary.ts';
import type { InferRequest } from './messages.ts';
import { completeRawInput } from './raw-input.ts';
import { decodeInferBody, encodeInferAnswer, outputNames } from './wire.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const json = (body: object) => utf8(JSON.stringify(body));
const x = { name: 'x', datatype: 'FP32', shape: [1], data: [1] };
const decode = (body: object) => decodeInferBody(json(body), undefined);

describe('Inference-Header-Content-Length', () => {
  it.each(['', ' ', '-1', '1.5', '1e1', '0x5', 'NaN', '5, 5', '9'.repeat(30), '٣'])('%j is no length', (text) =>
    expect(() => decodeInferBody(json({ inputs: [x] }), text)).toThrow(
      /Inference-Header-Content-Length: expected a number of bytes, got "/,
    ),
  );

  it('may not go beyond the body', () =>
    expect(() => decodeInferBody(utf8('{}'), '3')).toThrow(
      'Inference-Header-Content-Length is 3, the body is 2 bytes',
    ));

  it('may take in the whole body', () => {
    const body = json({ inputs: [x] });
    expect(decodeInferBody(body, String(body.byteLength)).inputs).toHaveLength(1);
  });

  it('is asked for where an input says it is binary', () =>
    expect(() => decode({ inputs: [{ ...x, data: undefined, parameters: { binary_data_size: 4 } }] })).toThrow(
      'input "x" has binary_data_size, but the request no Inference-Header-Content-Length',
    ));
});

describe('parameters', () => {
  it('are accepted, known or not', () => {
    const parameters = { priority: 1, timeout: 5, whatever: 'yes', sequence_id: 0, huge: 2 ** 60 };
    const outputs = [{ name: 'y', parameters: { classification: 0, more: true } }];
    expect(decode({ parameters, inputs: [{ ...x, parameters: { a: 1.5 } }], outputs })).toMatchObject({
      parameters,
      outputs,
    });
  });

  it.each([
    [{ parameters: { a: null } }, 'parameters.a: expected a string, a number, true or false'],
    [{ parameters: { a: [1] } }, 'parameters.a: expected a string'],
    [{ parameters: { sequence_id: 7 } }, 'the parameter "sequence_id" is not served here'],
    [{ parameters: { sequence_id: 'a' } }, '"sequence_id" is not served here'],
    [{ parameters: { binary_data_output: 'yes' } }, '"binary_data_output": expected true or false, got "yes"'],
    [
      { inputs: [{ ...x, parameters: { shared_memory_region: 'r' } }] },
      'input "x": the parameter "shared_memory_region" is not served here, there is no shared memory: send the data in the request',
    ],
    [
      { outputs: [{ name: 'y', parameters: { shared_memory_byte_size: 8 } }] },
      'output "y": the parameter "shared_memory_byte_size" is not served here, there is no shared memory: take the data from',
    ],
    [
      { outputs: [{ name: 'y', parameters: { classification: 3 } }] },
      'output "y": the parameter "classification" is not',
    ],
    [
      { outputs: [{ name: 'y', parameters: { binary_data: 1 } }] },
      'output "y": the parameter "binary_data": expected true',
    ],
  ])('%j are refused', (fields, sentence) =>
    expect(() => decode({ inputs: [x], ...fields })).toThrow(
      expect.objectContaining({ code: 'invalid_request', message: expect.stringContaining(sentence) }),
    ),
  );
});

describe('a request without a JSON part', () => {
  const spec = (datatype: TensorSpec['datatype'], ...shape: number[]): TensorSpec => ({ name: 'x', datatype, shape });
  const raw = (bytes: Uint8Array<ArrayBuffer>, ...specs: TensorSpec[]) =>
    completeRawInput(decodeInferBody(bytes, '0'), specs);
  const floats = new Uint8Array(new Float32Array([1, 2, 3, 4, 5, 6]).buffer);

  it.each([
    [spec('FP32', 2, 3), [2, 3]],
    [spec('FP32', -1, 3), [2, 3]],
    [spec('FP32', -1), [6]],
    [spec('FP32', 3, -1, 2), [3, 1, 2]],
  ])('has the datatype and shape of %j', (of, shape) => {
    const { inputs, parameters } = raw(floats, of);
    expect(inputs).toEqual([{ name: 'x', datatype: 'FP32', shape, data: new Float32Array([1, 2, 3, 4, 5, 6]) }]);
    expect(parameters).toEqual({ binary_data_output: true });
  });

  it('is one string for a model of strings', () => {
    for (const shape of [[1], [-1], [-1, -1], []]) {
      const [input] = raw(utf8('grüße'), spec('BYTES', ...shape)).inputs;
      expect(input).toEqual({ name: 'x', datatype: 'BYTES', shape: shape.map(() => 1), data: [utf8('grüße')] });
    }
  });

  it('may be empty', () => {
    expect(raw(new Uint8Array(), spec('FP32', -1, 3)).inputs[0]?.shape).toEqual([0, 3]);
    expect(raw(new Uint8Array(), spec('FP32', -1, 0)).inputs[0]?.shape).toEqual([0, 0]);
    expect(raw(new Uint8Array(), spec('BYTES', 1)).inputs[0]?.data).toEqual([new Uint8Array()]);
  });

  it.each([
    [[], 'needs a model with one input, this one has 0'],
    [[spec('FP32', 1), spec('FP32', 1)], 'needs a model with one input, this one has 2: "x" FP32 [1], "x" FP32 [1]'],
    [[spec('FP32', -1, -1)], 'input "x": FP32 [-1,-1] has more than one dynamic axis: send its shape in a JSON part'],
    [[spec('FP32', -1, 5)], 'input "x": FP32 [-1,5] takes a multiple of 20 bytes, got 24'],
    [[spec('FP32', 7)], 'input "x": FP32 [7] takes 28 bytes, got 24'],
    [[spec('FP32', -1, 0)], 'a multiple of 0 bytes, got 24'],
    [[spec('BYTES', 2)], 'input "x": BYTES [2] is not one string'],
    [[spec('BOOL', -1)], 'input "x": element 2 is 128, expected BOOL (0 or 1)'],
  ])('is refused for %j', (specs, sentence) => expect(() => raw(floats, ...specs)).toThrow(sentence));

  it('leaves other requests alone', () => {
    const request = decode({ inputs: [x] });
    expect(completeRawInput(request, [])).toBe(request);
  });
});

describe('an answer', () => {
  const specs: TensorSpec[] = [
    { name: 'a', datatype: 'FP32', shape: [1] },
    { name: 'b', datatype: 'BF16', shape: [1] },
  ];
  const outputs: Tensor[] = [
    { name: 'a', datatype: 'FP32', shape: [1], data: new Float32Array([1.5]) },
    { name: 'b', datatype: 'BF16', shape: [1], data: new Uint16Array([0x3f80]) },
  ];

  it('has its outputs in the order asked for, each as asked for', () => {
    const request: InferRequest = {
      inputs: [],
      parameters: { binary_data_output: true },
      outputs: [{ name: 'b' }, { name: 'a', parameters: { binary_data: false } }],
    };
    expect(outputNames(request, specs)).toEqual(['b', 'a']);
    const { headerLength = 0, body } = encodeInferAnswer(request, { modelName: 'm', outputs: outputs.toReversed() });
    const bytes = body as Uint8Array<ArrayBuffer>;
    expect(JSON.parse(new TextDecoder().decode(bytes.subarray(0, headerLength)))).toEqual({
      model_name: 'm',
      outputs: [
        { name: 'b', datatype: 'BF16', shape: [1], parameters: { binary_data_size: 2 } },
        { name: 'a', datatype: 'FP32', shape: [1], data: [1.5] },
      ],
    });
    expect(bytes.byteLength).toBe(headerLength + 2);
    expect(decodeBinaryResponse(bytes, headerLength).outputs).toEqual(outputs.toReversed());
  });

  it('cannot have BF16 in JSON, which is known before the run', () => {
    const sentence = 'output "b" is BF16, which has no JSON form: ask for it with "binary_data": true';
    const asked = (parameters: Record<string, boolean>, names?: string[]): InferRequest => ({
      inputs: [],
      parameters,
      outputs: names?.map((name) => ({ name })),
    });
    expect(() => outputNames(asked({}), specs)).toThrow(sentence);
    expect(() => outputNames(asked({}, ['b']), specs)).toThrow(sentence);
    expect(outputNames(asked({}, ['a']), specs)).toEqual(['a']);
    expect(outputNames(asked({ binary_data_output: true }), specs)).toEqual(['a', 'b']);
  });
});
