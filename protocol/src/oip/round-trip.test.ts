/** Whatever tensors go in come out again bit for bit: every datatype, shape and encoding, on what nobody thought of. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ARRAY_TYPE, DATATYPES, type Datatype, type FixedDatatype } from '../tensor/datatype.ts';
import { fromHalf } from '../tensor/half.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { decodeBinaryRequest, decodeBinaryResponse, encodeBinaryRequest, encodeBinaryResponse } from './binary.ts';
import { decodeInferRequest, decodeInferResponse, encodeInferRequest, encodeInferResponse } from './json.ts';
import type { InferRequest } from './messages.ts';
import { decodeInferBody, encodeInferAnswer } from './wire.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
const shape = fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 });

const special = [0, -0, Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 5e-324, 2 ** 53, 1e21, -1e-7];
/** JSON has one NaN. */
const half = fc.integer({ min: 0, max: 0xffff }).map((bits) => (Number.isNaN(fromHalf(bits)) ? 0x7e00 : bits));
const ELEMENTS: Record<Datatype, fc.Arbitrary<unknown>> = {
  BOOL: fc.integer({ min: 0, max: 1 }),
  UINT8: fc.integer({ min: 0, max: 255 }),
  UINT16: fc.integer({ min: 0, max: 65_535 }),
  UINT32: fc.integer({ min: 0, max: 4_294_967_295 }),
  UINT64: fc.oneof(fc.bigInt(0n, 2n ** 64n - 1n), fc.bigInt(2n ** 53n - 2n, 2n ** 53n + 2n), fc.bigInt(0n, 9n)),
  INT8: fc.integer({ min: -128, max: 127 }),
  INT16: fc.integer({ min: -32_768, max: 32_767 }),
  INT32: fc.integer({ min: -2_147_483_648, max: 2_147_483_647 }),
  INT64: fc.oneof(
    fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n),
    fc.bigInt(-(2n ** 53n) - 2n, -(2n ** 53n) + 2n),
    fc.bigInt(-(2n ** 33n), 2n ** 33n),
  ),
  FP16: half,
  FP32: fc.oneof(fc.float(), fc.constantFrom(...special)),
  FP64: fc.oneof(fc.double(), fc.constantFrom(...special)),
  BF16: fc.integer({ min: 0, max: 0xffff }),
  BYTES: fc.oneof(
    fc.string({ unit: 'binary' }).filter((text) => text.isWellFormed()),
    fc.constant('\ufeffmark'),
  ),
};

function tensorOf(datatype: Datatype): fc.Arbitrary<Tensor> {
  return fc.tuple(name, shape).chain(([name, shape]) => {
    const count = shape.reduce((product, size) => product * size, 1);
    return fc.array(ELEMENTS[datatype], { minLength: count, maxLength: count }).map((elements) => ({
      name,
      datatype,
      shape,
      data:
        datatype === 'BYTES'
          ? (elements as string[]).map(utf8)
          : (ARRAY_TYPE[datatype as FixedDatatype] as { from(values: unknown[]): Tensor['data'] }).from(elements),
    }));
  });
}

const any = fc.constantFrom(...DATATYPES).chain(tensorOf);
const jsonAble = fc.constantFrom(...DATATYPES.filter((datatype) => datatype !== 'BF16')).chain(tensorOf);
const list = (tensor: fc.Arbitrary<Tensor>) =>
  fc.uniqueArray(tensor, { maxLength: 5, selector: ({ name }) => name }).map((tensors) => tensors);

/** The same numbers in the same places, told apart by their bits. */
function bitsOf({ data, ...rest }: Tensor) {
  return {
    ...rest,
    data: Array.isArray(data)
      ? data.map((bytes) => Buffer.from(bytes).toString('hex'))
      : Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex'),
  };
}

const expectSame = (got: readonly Tensor[], expected: readonly Tensor[]) =>
  expect(got.map(bitsOf)).toEqual(expected.map(bitsOf));

/** Flat data as the rows of its shape. */
function nested(flat: unknown[], [size, ...inner]: number[]): unknown {
  if (size === undefined) return flat[0];
  const stride = flat.length / (size || 1);
  return Array.from({ length: size }, (_, i) => nested(flat.slice(i * stride, (i + 1) * stride), inner));
}

describe('tensors come out as they went in', () => {
  it('as JSON, in requests and answers', () => {
    fc.assert(
      fc.property(list(jsonAble), (tensors) => {
        expectSame(decodeInferRequest(utf8(encodeInferRequest({ inputs: tensors }))).inputs, tensors);
        const answer = encodeInferResponse({ modelName: 'm', outputs: tensors });
        expectSame(decodeInferResponse(utf8(answer)).outputs, tensors);
      }),
      { numRuns: 1000 },
    );
  });

  it('as nested JSON', () => {
    fc.assert(
      fc.property(jsonAble, (tensor) => {
        const text = encodeInferRequest({ inputs: [tensor] });
        const [, before = '', flat = ''] = /^(.*"data":)(\[.*\])\}\]\}$/s.exec(text) ?? [];
        // Whole numbers stay text, so that none is rounded on its way through this test.
        const elements = JSON.parse(flat, (_key, value, context?: { source?: string }) =>
          typeof value === 'number' ? `#${context?.source}#` : value,
        );
        const rows = JSON.stringify(nested(elements, tensor.shape)).replace(/"#([^#"]*)#"/g, '$1');
        expectSame(decodeInferRequest(utf8(`${before}${rows}}]}`)).inputs, [tensor]);
      }),
      { numRuns: 1000 },
    );
  });

  it('as binary data, wherever it begins', () => {
    fc.assert(
      fc.property(list(any), fc.integer({ min: 0, max: 9 }), (tensors, shift) => {
        const { bytes, headerLength } = encodeBinaryRequest({ inputs: tensors });
        const moved = new Uint8Array(new ArrayBuffer(bytes.byteLength + shift), shift);
        moved.set(bytes);
        expectSame(decodeBinaryRequest(moved, headerLength).inputs, tensors);
        const answer = encodeBinaryResponse({ modelName: 'm', outputs: tensors });
        expectSame(decodeBinaryResponse(answer.bytes, answer.headerLength).outputs, tensors);
      }),
      { numRuns: 1000 },
    );
  });

  it('as each was asked for, some as binary data and some as JSON', () => {
    const asked = fc.constantFrom(undefined, true, false);
    fc.assert(
      fc.property(list(any), asked, fc.array(asked, { minLength: 5, maxLength: 5 }), (tensors, all, each) => {
        const request: InferRequest = {
          inputs: [],
          parameters: all === undefined ? {} : { binary_data_output: all },
          outputs: tensors.map(({ name, datatype }, i) => {
            const own = datatype === 'BF16' ? true : each[i];
            return own === undefined ? { name } : { name, parameters: { binary_data: own } };
          }),
        };
        const { contentType, headerLength, body } = encodeInferAnswer(request, { modelName: 'm', outputs: tensors });
        const bytes = typeof body === 'string' ? utf8(body) : body;
        const isBinary = headerLength !== undefined;
        expect(contentType).toBe(isBinary ? 'application/octet-stream' : 'application/json');
        const answer = isBinary ? decodeBinaryResponse(bytes, headerLength) : decodeInferResponse(bytes);
        expectSame(answer.outputs, tensors);
        const header = JSON.parse(new TextDecoder().decode(bytes.subarray(0, headerLength ?? bytes.byteLength)));
        const binary = tensors.map(({ datatype }, i) => (datatype === 'BF16' ? true : (each[i] ?? all)) === true);
        expect(header.outputs.map((output: object) => !('data' in output))).toEqual(binary);
      }),
      { numRuns: 1000 },
    );
  });
});

describe('whatever comes', () => {
  it('is decoded, or refused with a sentence', () => {
    const length = fc.oneof(fc.constant(undefined), fc.nat(200).map(String), fc.string());
    const piece = fc.oneof(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        ',',
        ':',
        '"',
        '-',
        '1',
        '2',
        '0',
        'e',
        '.',
        'null',
        'NaN',
        '__proto__',
        '\\u',
      ),
      fc.constantFrom('"inputs"', '"name"', '"shape"', '"data"', '"datatype"', '"FP32"', '"BYTES"', '"parameters"'),
      fc.string(),
    );
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 100 }),
      fc.array(piece, { maxLength: 40 }).map((pieces) => utf8(pieces.join(''))),
    );
    fc.assert(
      fc.property(bytes, length, (body, headerLength) => refusedOrDecoded(Uint8Array.from(body), headerLength)),
      { numRuns: 5000 },
    );
  });

  it('is decoded or refused when it is nearly right', () => {
    const value = fc.oneof(
      fc.jsonValue({ maxDepth: 3 }),
      fc.integer(),
      fc.double(),
      fc.constant({ valueOf: 1, toString: 1 }),
    );
    const tensor = fc.record(
      {
        name: fc.oneof(name, value),
        datatype: fc.oneof(fc.constantFrom(...DATATYPES), value),
        shape: fc.oneof(fc.array(fc.oneof(fc.integer(), fc.nat(3)), { maxLength: 4 }), value),
        data: fc.oneof(fc.array(value, { maxLength: 4 }), value),
        parameters: fc.oneof(fc.record({ binary_data_size: fc.oneof(fc.nat(20), value) }), value),
      },
      { requiredKeys: ['name', 'datatype', 'shape'] },
    );
    const request = fc.record({ inputs: fc.oneof(fc.array(tensor, { maxLength: 3 }), value) });
    fc.assert(
      fc.property(request, fc.uint8Array({ maxLength: 40 }), fc.boolean(), (header, data, binary) => {
        const json = utf8(JSON.stringify(header));
        const body = new Uint8Array([...json, ...(binary ? data : [])]);
        refusedOrDecoded(body, binary ? String(json.byteLength) : undefined);
      }),
      { numRuns: 5000 },
    );
  });
});

function refusedOrDecoded(body: Uint8Array<ArrayBuffer>, headerLength: string | undefined): void {
  try {
    for (const { shape, data } of decodeInferBody(body, headerLength).inputs) {
      expect(data.length).toBe(shape.reduce((product, size) => product * size, 1));
    }
  } catch (error) {
    expect(error).toMatchObject({ code: expect.stringMatching(/^invalid_(request|json|tensor)$/) });
  }
}
