import type { LoadedModel } from '@lepton-edge/protocol';
import { expect, it } from 'vitest';
import { Statistics } from '../core/statistics.ts';
import { RecentLatency } from './recent-latency.ts';

const loaded: LoadedModel[] = [{ model: 'm', version: 1, digest: `sha256:${'0'.repeat(64)}` }];

it('tells what requests took lately, and a share of each run', () => {
  const statistics = new Statistics();
  const recent = new RecentLatency(statistics);
  const at = (now: number) => recent.of(loaded, now)[0]?.recent;
  const answer = (totalMs: number, runMs?: number) => {
    const execution = runMs === undefined ? undefined : { items: 1, inputMs: 0, runMs, outputMs: 0 };
    statistics.succeeded('m', 1, {
      ...{ inferences: 1, totalMs, queueMs: 0, inputMs: 0, runMs: 0, outputMs: 0, loadMs: undefined },
      execution,
    });
  };
  expect(at(0)).toBeUndefined();
  // Two that shared a run of 8 ms.
  answer(10, 8);
  answer(12);
  expect(at(2_000)).toEqual({ requestMs: 4, meanMs: 11 });
  expect(at(12_000)).toEqual({ requestMs: 4, meanMs: 11 });
  answer(100, 90);
  expect(at(23_000)?.meanMs).toBeGreaterThan(11);
  answer(2, 1);
  expect(at(34_000)).toEqual({ requestMs: 45.5, meanMs: 51 });
  expect(at(45_000)).toEqual({ requestMs: 1, meanMs: 2 });
  expect(at(56_000)).toBeUndefined();
});
