import { describe, expect, it } from 'vitest';
import { chooseEvictions } from './evictions.ts';

const model = (name: string, bytes: number, leases = 0, running: unknown = {}) => ({ name, bytes, leases, running });
const budget = { maxBytes: 100, maxModels: 3 };
const names = (choice: ReturnType<typeof chooseEvictions<ReturnType<typeof model>>>) =>
  choice.ok ? choice.evict.map((evicted) => evicted.name) : choice.reason;

describe('chooseEvictions', () => {
  it('takes nothing while there is room', () => {
    expect(names(chooseEvictions([model('a', 50)], 50, budget))).toEqual([]);
  });

  it('takes the least recently used, and no more than needed', () => {
    expect(names(chooseEvictions([model('a', 40), model('b', 40)], 50, budget))).toEqual(['a']);
  });

  it('passes over what is in use or loading', () => {
    const others = [model('used', 30, 1), model('loading', 30, 0, null), model('idle', 30)];
    expect(names(chooseEvictions(others, 30, budget))).toEqual(['idle']);
  });

  it('bounds the number of models too', () => {
    expect(names(chooseEvictions([model('a', 1), model('b', 1), model('c', 1)], 1, budget))).toEqual(['a']);
  });

  it('says why there is no room', () => {
    expect(names(chooseEvictions([model('a', 90, 1)], 50, budget))).toContain('in use');
    expect(names(chooseEvictions([], 101, budget))).toContain('at most 100 bytes');
  });
});
