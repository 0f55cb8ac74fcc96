/** Equal questions have one key, whatever they came in; any difference makes another. */
import {
  completeRawInput,
  DATATYPES,
  type Datatype,
  decodeEmbeddingRequest,
  decodeInferBody,
  encodeBinaryRequest,
  encodeInferRequest,
  type Tensor,
} from '@lepton-edge/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { KnownEmbeddings } from '../infer/known-embeddings.ts';
import { type ResponseKeyParts, responseKey } from './response-key.ts';

const utf8 = (text: string) => new TextEncoder().encode(text);
const RUNS = { numRuns: 100 };

const name = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 6 });
const shape = fc.array(fc.integer({ min: 1, max: 3 }), { maxLength: 3 });

/** Numbers that JSON has a form of, and strings. */
const ELEMENTS = {
  BOOL: [fc.integer({ min: 0, max: 1 }), Uint8Array],
  INT32: [fc.integer(), Int32Array],
  INT64: [fc.bigInt(-(2n ** 63n), 2n ** 63n - 1n), BigInt64Array],
  FP32: [fc.float({ noNaN: true }), Float32Array],
  FP64: [fc.double({ noNaN: true }), Float64Array],
} as const;
type Fixed = keyof typeof ELEMENTS;

const fixed = fc
  .tuple(fc.constantFrom(...(Object.keys(ELEMENTS) as Fixed[])), name, shape)
  .chain(([datatype, name, shape]) => {
    const [element, type] = ELEMENTS[datatype];
    const count = shape.reduce((product, size) => product * size, 1);
    return fc.array(element as fc.Arbitrary<unknown>, { minLength: count, maxLength: count }).map(
      (values): Tensor => ({
        name,
        datatype,
        shape,
        data: (type as { from(v: unknown[]): Tensor['data'] }).from(values),
      }),
    );
  });
const strings = fc
  .tuple(name, fc.array(fc.string({ unit: 'grapheme' }), { minLength: 1, maxLength: 3 }))
  .map(([name, texts]): Tensor => ({ name, datatype: 'BYTES', shape: [texts.length], data: texts.map(utf8) }));
const tensors = fc.uniqueArray(fc.oneof(fixed, strings), { minLength: 1, maxLength: 3, selector: ({ name }) => name });
const parts = fc.record({
  scope: name,
  versionDigest: name,
  outputs: fc.array(name, { minLength: 1, maxLength: 3 }),
  inputs: tensors,
});

const bytesOf = ({ data }: Tensor) =>
  Array.isArray(data) ? data : [new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];

describe('responseKey', () => {
  it('is equal whatever encoding and order the inputs came in', async () => {
    await fc.assert(
      fc.asyncProperty(parts, async (parts) => {
        const key = await responseKey(parts);
        const reversed = { inputs: [...parts.inputs].reverse() };
        const binary = encodeBinaryRequest(reversed);
        const json = utf8(encodeInferRequest(reversed));
        for (const { inputs } of [
          decodeInferBody(binary.bytes, String(binary.headerLength)),
          decodeInferBody(json, undefined),
        ]) {
          expect(await responseKey({ ...parts, inputs })).toBe(key);
        }
        const [only] = parts.inputs;
        if (parts.inputs.length > 1 || !only || (only.datatype === 'BYTES' && only.shape[0] !== 1)) return;
        const raw = decodeInferBody(Uint8Array.from(bytesOf(only).flatMap((bytes) => [...bytes])), '0');
        const { inputs } = completeRawInput(raw, [only]);
        expect(await responseKey({ ...parts, inputs })).toBe(key);
      }),
      RUNS,
    );
  });

  it('is another for any other scope, version or outputs', async () => {
    await fc.assert(
      fc.asyncProperty(parts, parts, async (one, other) => {
        const keys = [responseKey(one)];
        for (const field of ['scope', 'versionDigest', 'outputs'] as const) {
          if (JSON.stringify(one[field]) !== JSON.stringify(other[field])) {
            keys.push(responseKey({ ...one, [field]: other[field] }));
          }
        }
        keys.push(responseKey({ ...one, outputs: [...one.outputs, one.outputs[0] as string] }));
        expect(new Set(await Promise.all(keys)).size).toBe(keys.length);
      }),
      RUNS,
    );
  });

  it('is another for any bit of any input', async () => {
    await fc.assert(
      fc.asyncProperty(parts, fc.nat(), fc.nat(), async (parts, which, bit) => {
        const copies = structuredClone(parts.inputs);
        const chunks = copies.flatMap(bytesOf).filter(({ byteLength }) => byteLength > 0);
        const chunk = chunks[which % Math.max(1, chunks.length)];
        if (!chunk) return;
        const at = bit % (chunk.byteLength * 8);
        chunk[at >> 3] = (chunk[at >> 3] as number) ^ (1 << (at & 7));
        expect(await responseKey({ ...parts, inputs: copies })).not.toBe(await responseKey(parts));
      }),
      RUNS,
    );
  });

  it('is another for the same bytes under another name, datatype, shape or split', async () => {
    const base: ResponseKeyParts = { scope: 's', versionDigest: 'v', outputs: ['o'], inputs: [] };
    const bytes = (...elements: string[]): Tensor => {
      return { name: 'x', datatype: 'BYTES', shape: [elements.length], data: elements.map(utf8) };
    };
    const number = (datatype: Datatype, shape: number[], name = 'x'): Tensor => {
      return { name, datatype, shape, data: Uint8Array.of(0, 1) };
    };
    const variants: Tensor[][] = [
      [],
      ...DATATYPES.filter((datatype) => datatype !== 'BYTES').map((datatype) => [number(datatype, [2])]),
      [number('UINT8', [1, 2])],
      [number('UINT8', [2, 1])],
      [number('UINT8', [2], 'y')],
      [number('UINT8', [2]), number('UINT8', [2], 'y')],
      [bytes('ab', 'c')],
      [bytes('a', 'bc')],
      [bytes('abc')],
      [bytes('abc', '')],
      [bytes('', 'abc')],
    ];
    const keys = await Promise.all(variants.map((inputs) => responseKey({ ...base, inputs })));
    expect(new Set(keys).size).toBe(variants.length);
  });
});

describe('the key of a text', () => {
  const version = { digest: 'v' } as never;
  const nameOf = async (scope: string, item: string | number[]) =>
    (await KnownEmbeddings.of({} as never, version, scope, [item])).nameOf([0]);
  const tokens = fc.array(fc.nat(2 ** 31 - 1), { minLength: 1, maxLength: 8 });

  it('is equal for the same tokens however they were asked for, and another for others and for another team', async () => {
    await fc.assert(
      fc.asyncProperty(tokens, tokens, async (one, other) => {
        const asked = (input: unknown) => decodeEmbeddingRequest(utf8(JSON.stringify({ model: 'm', input }))).inputs;
        const key = await nameOf('t', one);
        expect(await nameOf('t', asked(one)[0] as number[])).toBe(key);
        expect(await nameOf('t', asked([other, one])[1] as number[])).toBe(key);
        expect(await nameOf('u', one)).not.toBe(key);
        if (one.join() !== other.join()) expect(await nameOf('t', other)).not.toBe(key);
      }),
      RUNS,
    );
  });

  it('is another for any other text, halves of surrogate pairs among them', async () => {
    const texts = [
      'a',
      'b',
      'ab',
      'a\u0000',
      '\ud83d',
      '\ud83e',
      '\ufffd',
      '\ud83d\ude00',
      '97',
      '\u0061\u0301',
      '\u00e1',
    ];
    const keys = await Promise.all([...texts, [97], [97, 0]].map((text) => nameOf('t', text)));
    expect(new Set(keys).size).toBe(texts.length + 2);
  });
});
