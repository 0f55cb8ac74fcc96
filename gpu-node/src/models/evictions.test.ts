import { describe, expect, it } from 'vitest';
import { chooseEvictions, NoRoom } from './evictions.ts';

const model = (name: string, bytes: number, leases = 0, running: unknown = {}) => {
  return { name, bytes, leases, running, pins: 0 };
};
const budget = { maxBytes: 100, maxModels: 3 };
const evicted = (others: ReturnType<typeof model>[], bytes: number) =>
  chooseEvictions('new@1', others, bytes, budget).map(({ name }) => name);

describe('chooseEvictions', () => {
  it('takes nothing while there is room', () => {
    expect(evicted([model('a', 50)], 50)).toEqual([]);
  });

  it('takes the least recently used, and no more than needed', () => {
    expect(evicted([model('a', 40), model('b', 40)], 50)).toEqual(['a']);
  });

  it('passes over what is in use, pinned or loading', () => {
    const pinned = { ...model('pinned', 20), pins: 1 };
    const others = [model('used', 30, 1), pinned, model('loading', 20, 0, null), model('idle', 30)];
    expect(chooseEvictions('new@1', others, 30, { ...budget, maxModels: 4 })).toEqual([others[3]]);
  });

  it('bounds the number of models too', () => {
    expect(evicted([model('a', 1), model('b', 1), model('c', 1)], 1)).toEqual(['a']);
  });

  it('says why there is no room', () => {
    expect(() => evicted([model('a', 90, 1)], 50)).toThrow(NoRoom);
    expect(() => evicted([], 101)).toThrow('new@1: its files are 101 bytes, this node keeps at most 100 bytes');
  });
});
