import type { Tensor } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { ResponseCache } from './response-cache.ts';

const MIB = 1024 * 1024;
const answer = (bytes: number, storedAt = 0) => {
  const outputs: Tensor[] = [{ name: 'o', datatype: 'UINT8', shape: [bytes], data: new Uint8Array(bytes) }];
  return { outputs, storedAt };
};

describe('ResponseCache', () => {
  it('is bounded by bytes: the least recently used go first', () => {
    const cache = new ResponseCache();
    for (const key of ['a', 'b', 'c', 'd', 'e']) cache.put(key, answer(2 * MIB));
    cache.get('a');
    cache.put('f', answer(2 * MIB));
    expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => cache.get(key))).toEqual(['a', 'c', 'd', 'e', 'f']);
  });

  it('does not take an answer that would push out most others', () => {
    const cache = new ResponseCache();
    cache.put('a', answer(1024));
    cache.put('big', answer(4 * MIB));
    expect(cache.get('big')).toBeUndefined();
    expect(cache.get('a')).toBeDefined();
  });

  it('counts what many short strings take beside their bytes', () => {
    const cache = new ResponseCache();
    const data = Array.from({ length: 20_000 }, () => new Uint8Array(1));
    cache.put('strings', { outputs: [{ name: 'o', datatype: 'BYTES', shape: [data.length], data }], storedAt: 0 });
    expect(cache.get('strings')).toBeUndefined();
  });

  it('keeps the later of two answers', () => {
    const cache = new ResponseCache();
    cache.put('a', answer(8, 2));
    cache.put('a', answer(8, 1));
    expect(cache.get('a')?.storedAt).toBe(2);
  });
});
