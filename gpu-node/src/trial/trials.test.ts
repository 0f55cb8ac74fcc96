import { LeptonError } from '@lepton-edge/protocol';
import { describe, expect, it } from 'vitest';
import type { Repository } from '../models/repository.ts';
import { Trials } from './trials.ts';

describe('Trials', () => {
  it('tells a failure that came while nobody waited once, and then tries again', async () => {
    let described = 0;
    let fail: (error: Error) => void = () => undefined;
    const repository: Pick<Repository, 'describe'> = {
      describe: () => {
        described++;
        return new Promise((_, reject) => {
          fail = reject;
        });
      },
    };
    const limits = { timeMs: 1, memoryBytes: 1, modelBytes: 1 };
    const trials = new Trials(repository as Repository, 'here', limits);
    const target = { model: 'm', version: 1, digest: 'd' };
    const waited = trials.ask(target);
    fail(new LeptonError('unavailable', 'no memory'));
    await expect(waited).rejects.toThrow('no memory');
    const again = trials.ask(target);
    expect(described).toBe(2);
    expect(await again).toEqual({ state: 'working', progress: 'fetching its files' });
    fail(new LeptonError('unavailable', 'no time'));
    await new Promise((resolve) => setImmediate(resolve));
    await expect(trials.ask(target)).rejects.toThrow('no time');
    expect(described).toBe(2);
  });
});
