import { expect, it } from 'vitest';
import { Repeats } from './repeats.ts';
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
