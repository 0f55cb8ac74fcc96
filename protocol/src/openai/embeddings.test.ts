import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LeptonError } from '../errors.ts';
import { decodeEmbeddingRequest, EmbeddingResponseBody, encodeEmbeddingResponse } from './embeddings.ts';

const bytes = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));
const read = (input: unknown, more = {}) => decodeEmbeddingRequest(bytes({ model: 'm', input, ...more }));

describe('a request for embeddings', () => {
  it.each([
    ['one text', 'a', ['a']],
    ['several', ['a', 'b'], ['a', 'b']],
    ['tokens', [1, 2], [[1, 2]]],
    ['several rows of tokens', [[1], [2, 3]], [[1], [2, 3]]],
  ])('has %s', (_, input, inputs) => expect(read(input).inputs).toEqual(inputs));

  it('is of floats unless it says otherwise, and may have fields we do not know', () =>
    expect(read('a', { user: 'u', input_type: 'query' })).toEqual({
      model: 'm',
      inputs: ['a'],
      encodingFormat: 'float',
      dimensions: undefined,
    }));

  it.each([
    ['', 'input: expected a string that is not empty, got ""'],
    [[], 'input: expected at least one input, got an array of 0'],
    [['a', ''], 'input.1: expected a string that is not empty, got ""'],
    [[[]], 'input.0: expected at least one token, got an array of 0'],
    [[1, -1], 'input: expected tokens as whole numbers from 0, got -1'],
    [[[1], [1.5]], 'input.1: expected tokens as whole numbers from 0, got 1.5'],
    [[1, 'a'], 'input: expected tokens as whole numbers from 0, got "a"'],
    [7, 'input: expected a string, an array of strings, or arrays of tokens, got 7'],
    [new Array(2049).fill('a'), 'expected at most 2048 inputs, got 2049'],
  ])('is refused with the field %#', (input, sentence) => {
    expect(() => read(input)).toThrow(sentence);
    try {
      read(input);
    } catch (error) {
      expect((error as LeptonError).errors?.[0]?.path).toMatch(/^input/);
    }
  });

  it('of anything is read or refused', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (input) => {
        try {
          expect(read(input).inputs.length).toBeGreaterThan(0);
        } catch (error) {
          expect(error).toBeInstanceOf(LeptonError);
        }
      }),
    );
  });
});

describe('an answer', () => {
  const floats = fc.float32Array({ minLength: 1, maxLength: 40, noNaN: true, noDefaultInfinity: true });

  it('holds the same numbers as floats and as base64', () => {
    fc.assert(
      fc.property(fc.array(floats, { minLength: 1, maxLength: 4 }), (embeddings) => {
        const response = { model: 'm@1', embeddings, tokens: 3 };
        const plain = EmbeddingResponseBody.parse(JSON.parse(encodeEmbeddingResponse(response, 'float')));
        const packed = EmbeddingResponseBody.parse(JSON.parse(encodeEmbeddingResponse(response, 'base64')));
        for (const [i, embedding] of embeddings.entries()) {
          // JSON has no sign of zero.
          expect(plain.data[i]?.embedding).toEqual(Array.from(embedding, (value) => value + 0));
          const text = Buffer.from(packed.data[i]?.embedding as string, 'base64');
          const unpacked = Array.from({ length: embedding.length }, (_, k) => text.readFloatLE(4 * k));
          expect(unpacked).toEqual(Array.from(embedding));
        }
      }),
    );
  });
});
