import { describe, expect, it } from 'vitest';
import { bytes, concat, float, integer } from './protobuf.ts';

const hex = (data: Uint8Array) => Buffer.from(data).toString('hex');

// The first two are the examples of protobuf.dev, "Encoding".
describe('protobuf fields', () => {
  it('hold integers as varints', () => expect(hex(integer(1, 150))).toBe('089601'));
  it('hold text with its length', () => expect(hex(bytes(2, 'testing'))).toBe('120774657374696e67'));
  it('hold messages in messages', () => expect(hex(bytes(3, [integer(1, 150)]))).toBe('1a03089601'));
  it('hold negative integers in ten bytes', () => expect(hex(integer(3, -1))).toBe('18ffffffffffffffffff01'));
  it('hold floats, little end first', () => expect(hex(float(2, 1))).toBe('150000803f'));
  it('have tags of two bytes from field 16 on', () => expect(hex(integer(20, 2))).toBe('a00102'));
  it('have lengths of two bytes from 128 on', () =>
    expect(hex(bytes(1, 'a'.repeat(128)).subarray(0, 3))).toBe('0a8001'));
  it('stand one after the other', () => expect(hex(concat([integer(1, 1), integer(2, 2)]))).toBe('08011002'));
});
