import type { Tensor } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import { ResponseCache } from './response-cache.ts';

const MIB = 1024 * 1024;
const output = (bytes: number): Tensor[] => [
  { name: 'o', datatype: 'UINT8', shape: [bytes], data: new Uint8Array(bytes) },
];

describe('ResponseCache', () => {
  it('is bounded by bytes: the least recently used go first', () => {
    const cache = new ResponseCache();
    for (const key of ['a', 'b', 'c', 'd', 'e']) cache.put(key, output(2 * MIB), 60);
    cache.get('a');
    cache.put('f', output(2 * MIB), 60);
    expect(['a', 'b', 'c', 'd', 'e', 'f'].filter((key) => cache.get(key))).toEqual(['a', 'c', 'd', 'e', 'f']);
  });

  it('does not take an answer that would push out most others', () => {
    const cache = new ResponseCache();
    cache.put('a', output(1024), 60);
    cache.put('big', output(4 * MIB), 60);
    expect(cache.get('big')).toBeUndefined();
    expect(cache.get('a')).toBeDefined();
  });

  it('forgets when the time is up', () => {
    let now = 1;
    const cache = new ResponseCache(() => now);
    cache.put('a', output(8), 60);
    now += 60_000;
    expect(cache.get('a')).toBeDefined();
    now += 1;
    expect(cache.get('a')).toBeUndefined();
  });
});
