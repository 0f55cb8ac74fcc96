/** Short rounds of the soaks: the gateway killed while it is written to, and a large file killed half-way. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { soakRestart } from '../soak/restart.ts';
import { soakUpload } from '../soak/upload.ts';
import { findFreePort } from '../standalone/src/preflight.ts';

const SAY = () => {};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-soak-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('what was acknowledged', { timeout: 180_000 }, () => {
  it('survives kills at random moments, and what nobody wants is collected', async () => {
    const result = await soakRestart({
      home: join(folder, 'home'),
      port: await findFreePort(),
      rounds: 3,
      untilMs: 60_000,
      limits: { graceMs: 20_000, uploadTtlMs: 10_000 },
      say: SAY,
    });
    expect(result.violations).toEqual([]);
    expect(result.kills).toEqual({ workerd: 1, group: 1, standalone: 1 });
    expect(result.tallies.get('version of files')?.acknowledged).toBeGreaterThan(0);
    expect(result.leftovers.objects).toBeGreaterThan(0);
  });

  it('of a large model goes on after a kill, and the model answers on a node', async () => {
    const result = await soakUpload({
      folder: join(folder, 'upload'),
      port: await findFreePort(),
      sizeMib: 80,
      env: {},
      settleMs: 500,
      say: SAY,
    });
    expect(result.violations).toEqual([]);
    expect(result.keptBytes).toBeGreaterThan(0);
    expect(result.keptBytes).toBeLessThan(result.sizeBytes);
    expect(result.keptBytes + result.resentBytes).toBe(result.sizeBytes);
  });
});
