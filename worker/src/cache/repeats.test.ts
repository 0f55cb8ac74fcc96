import fc from 'fast-check';
import { expect, it } from 'vitest';
import { Repeats, repeatKey } from './repeats.ts';
import { ResponseCache } from './response-cache.ts';

it('repeats keep nothing that takes much memory, though it has few bytes', () => {
  const responses = new ResponseCache();
  const repeats = new Repeats(responses);
  const keep = (key: string, count: number) => {
    const data = Array.from({ length: count }, () => new Uint8Array());
    const known = { outputs: [{ name: 'y', datatype: 'BYTES' as const, shape: [count], data }], storedAt: 1 };
    responses.put(key, known);
    repeats.put(key, key, known, { body: '', headers: new Headers() });
    return repeats.get(key);
  };
  expect(keep('few', 10)).toBeDefined();
  expect(responses.get('few')).toBeDefined();
  expect(keep('many', 10_000)).toBeUndefined();
  expect(responses.get('many')).toBeDefined();
});

it('names no two requests alike: whatever their bytes, of whichever version', () => {
  const request = fc.record({ bytes: fc.uint8Array({ maxLength: 4 }), rest: fc.constantFrom('a\n1', 'a\n11', 'b\n1') });
  fc.assert(
    fc.property(request, request, (a, b) => {
      const isSame = a.rest === b.rest && a.bytes.join() === b.bytes.join();
      expect(repeatKey(a.bytes, a.rest) === repeatKey(b.bytes, b.rest)).toBe(isSame);
    }),
  );
  const names = Array.from({ length: 256 }, (_, byte) => repeatKey(new Uint8Array([byte]), ''));
  expect(new Set(names).size).toBe(256);
});

it('keeps the longest body that it looks for', () => {
  const responses = new ResponseCache();
  const repeats = new Repeats(responses);
  const name = repeatKey(new Uint8Array(64 * 1024), 'team\nmodel') as string;
  const known = { outputs: [], storedAt: 1 };
  responses.put('key', known);
  repeats.put(name, 'key', known, { body: 'answer', headers: {} });
  expect(repeats.get(name)?.sent.body).toBe('answer');
  expect(repeatKey(new Uint8Array(64 * 1024 + 1), 'team\nmodel')).toBeUndefined();
});
