import { describe, expect, it } from 'vitest';
import { BUCKETS_S, Statistics } from './statistics.ts';

const measured = (totalMs: number, loadMs?: number) => ({
  inferences: 1,
  totalMs,
  queueMs: 1,
  inputMs: 2,
  runMs: 3,
  outputMs: 4,
  loadMs,
});

describe('Statistics', () => {
  it('adds up what each version did', () => {
    const statistics = new Statistics(() => 77);
    statistics.succeeded('m', 1, measured(10, 50));
    statistics.succeeded('m', 1, measured(20));
    statistics.failed('m', 1, 5);
    statistics.refused('m', 1);
    statistics.refused('m', 2);
    expect(statistics.find('m', 1)).toMatchObject({
      success: { count: 2, ms: 30 },
      fail: { count: 1, ms: 5 },
      refused: 1,
      queue: { count: 2, ms: 2 },
      input: { count: 2, ms: 4 },
      run: { count: 2, ms: 6 },
      output: { count: 2, ms: 8 },
      load: { count: 1, ms: 50 },
      lastInferenceMs: 77,
    });
    expect(statistics.find('m', 2)).toMatchObject({ refused: 1, lastInferenceMs: 0 });
    expect(statistics.find('m', 3)).toBeUndefined();
  });

  it('sorts durations into buckets, their bounds included', () => {
    const statistics = new Statistics();
    for (const ms of [0.5, 1, 1.1, 10_000, 60_001]) statistics.succeeded('m', 1, measured(ms));
    const buckets = statistics.find('m', 1)?.buckets ?? [];
    expect(buckets).toHaveLength(BUCKETS_S.length + 1);
    expect([buckets[0], buckets[1], buckets[2], buckets.at(-4), buckets.at(-1)]).toEqual([1, 1, 1, 1, 1]);
  });

  it('tells of what is loaded or was used within the hour, of very many the latest', () => {
    let now = 0;
    const statistics = new Statistics(() => now);
    statistics.refused('loaded', 1);
    statistics.refused('gone', 1);
    now = 3_600_000;
    statistics.refused('used', 1);
    statistics.refused('used', 2);
    const names = (max: number) =>
      statistics.lately((model) => model === 'loaded', max).map(({ model, version }) => `${model}@${version}`);
    expect(names(9)).toEqual(['loaded@1', 'used@1', 'used@2']);
    expect(names(2)).toEqual(['used@1', 'used@2']);
  });

  it('forgets the longest unused of very many', () => {
    const statistics = new Statistics();
    for (let version = 1; version <= 1000; version++) statistics.refused('m', version);
    statistics.refused('m', 1);
    statistics.refused('m', 1001);
    expect(statistics.all()).toHaveLength(1000);
    expect(statistics.find('m', 1)).toBeDefined();
    expect(statistics.find('m', 2)).toBeUndefined();
  });
});
