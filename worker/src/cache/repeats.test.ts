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
  const request = fc.tuple(
    fc.uint8Array({ maxLength: 4 }),
    fc.array(fc.stringMatching(/^[a-z]{0,2}$/), { minLength: 2, maxLength: 2 }),
  );
  fc.assert(
    fc.property(request, request, ([a, partsOfA], [b, partsOfB]) => {
      const same = JSON.stringify([[...a], partsOfA]) === JSON.stringify([[...b], partsOfB]);
      expect(repeatKey(a, partsOfA) === repeatKey(b, partsOfB)).toBe(same);
    }),
  );
  const names = Array.from({ length: 256 }, (_, byte) => repeatKey(new Uint8Array([byte]), []));
  expect(new Set(names).size).toBe(256);
  expect(repeatKey(new Uint8Array(64 * 1024 + 1), [])).toBeUndefined();
});
