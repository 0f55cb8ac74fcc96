import { describe, expect, it } from 'vitest';
import { hasProcess, readProcess } from './process-info.ts';

describe('readProcess', () => {
  it('tells when a process started and that it lives', async () => {
    const info = await readProcess(process.pid);
    expect(info?.ended).toBe(false);
    expect(Math.abs((info?.startedAt ?? 0) - (Date.now() - process.uptime() * 1000))).toBeLessThan(3_000);
    expect(await readProcess(process.pid)).toEqual(info);
  });

  it('knows nothing of a process that is not there', async () => {
    expect(hasProcess(2 ** 22 + 1)).toBe(false);
    expect(await readProcess(2 ** 22 + 1)).toBeUndefined();
  });
});
