/** Bodies made to cost more than they are: each is refused, or is as cheap as its size. */
import { describe, expect, it } from 'vitest';
import { decodeInferBody } from './wire.ts';

const MIB = 2 ** 20;
const utf8 = (text: string) => new TextEncoder().encode(text);
const input = (fields: string) => `{"inputs":[{"name":"x",${fields}}]}`;
const decode = (text: string) => decodeInferBody(utf8(text), undefined);

describe('hostile bodies', () => {
  it.each(['[', '{"a":', '[[[', '{"inputs":['])('nested without an end: %s', (piece) =>
    expect(() => decode(piece.repeat(MIB / piece.length))).toThrow(/not valid JSON/),
  );

  it('nested deep, with the slow way for long integers', () => {
    const data = `${'['.repeat(500_000)}12345678901234567${']'.repeat(500_000)}`;
    expect(() => decode(input(`"datatype":"INT64","shape":[1,1],"data":${data}`))).toThrow(/not valid JSON|an array/);
  });

  it.each([
    ['arrays', '[],'],
    ['objects', '{},'],
    ['strings', '"",'],
  ])('millions of %s', (_what, piece) =>
    expect(() => decode(input(`"datatype":"FP32","shape":[1],"data":[${piece.repeat((8 * MIB) / 3)}0]`))).toThrow(
      /send the data flat, or as binary data/,
    ),
  );

  it('as many numbers as fit are no such thing', () => {
    const count = 8 * MIB - 100;
    const { inputs } = decode(input(`"datatype":"INT8","shape":[${count}],"data":[${'1,'.repeat(count - 1)}1]`));
    expect(inputs[0]?.data.length).toBe(count);
  });

  it('strings of no length, very many', () => {
    const header = utf8(input(`"datatype":"BYTES","shape":[1000000],"parameters":{"binary_data_size":4000000}`));
    const body = new Uint8Array(header.byteLength + 4_000_000);
    body.set(header);
    expect(() => decodeInferBody(body, String(header.byteLength))).toThrow(
      'expected at most 262144 BYTES elements in a request, got 1000000',
    );
  });

  it.each([
    ['[1073741824,2]', /needs 2147483648 elements, got 1/],
    ['[1073741824,1073741824]', /too many elements/],
    ['[4294967297]', /sizes below 2\^31/],
    ['[9007199254740993]', /shape/],
    ['[0,9007199254740991]', /sizes below 2\^31/],
    ['[0,2147483647,2147483647]', /needs 0 elements, got 1/],
    ['[-1]', /0 or more/],
    ['[1e309]', /shape/],
    ['[1.5]', /shape/],
    [`[${'1,'.repeat(16)}1]`, /at most 16 axes/],
    [`[${'1,'.repeat(100)}1]`, /shape/],
  ])('the shape %s with one number', (shape, sentence) => {
    expect(() => decode(input(`"datatype":"FP32","shape":${shape},"data":[1]`))).toThrow(sentence);
    expect(() => decode(input(`"datatype":"FP32","shape":${shape},"data":[[1]]`))).toThrow();
  });

  it('names given twice, and names with a meaning of their own', () => {
    const { inputs } = decode('{"inputs":[],"inputs":[{"name":"__proto__","datatype":"INT8","shape":[1],"data":[1]}]}');
    expect(inputs).toMatchObject([{ name: '__proto__' }]);
    const request = decode(
      '{"parameters":{"__proto__":1,"constructor":2,"toString":3},"inputs":[],"__proto__":{"id":"a"}}',
    );
    expect(request.id).toBeUndefined();
    expect(Object.getPrototypeOf(request.parameters)).toBe(Object.prototype);
  });

  it('one long integer among millions of short ones, and text that looks like one', () => {
    const count = 4 * MIB;
    const data = `[${'1,'.repeat(count)}-9007199254740993]`;
    const body = `{"id":"[9007199254740993]\\"9007199254740993","parameters":{"seed":9007199254740993},"inputs":[
      {"name":"x","datatype":"INT64","shape":[${count + 1}],"data":${data}},
      {"name":"f","datatype":"FP64","shape":[3],"data":[0.12345678901234567,1234567890123456e1,9007199254740993]},
      {"name":"s","datatype":"BYTES","shape":[1],"data":["9007199254740993"]}]}`;
    const { id, parameters, inputs } = decode(body);
    expect([id, parameters]).toEqual(['[9007199254740993]"9007199254740993', { seed: 2 ** 53 }]);
    expect([inputs[0]?.data[0], inputs[0]?.data[count]]).toEqual([1n, -9007199254740993n]);
    expect(inputs[1]?.data).toEqual(new Float64Array([Number('0.12345678901234567'), 12_345_678_901_234_560, 2 ** 53]));
    expect(inputs[2]?.data).toEqual([utf8('9007199254740993')]);
    const mixed = (text: string) => input(`"datatype":"INT64","shape":[2],"data":[9007199254740993,${text}]`);
    for (const text of ['1e30', '9007199254740993.5', '99999999999999999999', '9'.repeat(21), '"9007199254740993"']) {
      expect(() => decode(mixed(text))).toThrow(/element 1 is /);
    }
  });

  it('long digits', () => {
    const digits = '9'.repeat(MIB);
    expect(() => decode(input(`"datatype":"INT64","shape":[1],"data":[${digits}]`))).toThrow(
      /element 0 is null|Infinity/,
    );
    expect(() => decode(input(`"datatype":"FP32","shape":[${digits}],"data":[1]`))).toThrow(/shape/);
  });

  it('an error repeats little of the body', () => {
    const text = 'x'.repeat(MIB);
    for (const body of [text, input(`"datatype":"FP32","shape":[1],"data":["${text}"]`)]) {
      try {
        decode(body);
        expect.unreachable();
      } catch (error) {
        expect((error as Error).message.length).toBeLessThan(500);
      }
    }
  });
});
