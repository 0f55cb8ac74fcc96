/** Short rounds of the soaks: the gateway killed while it is written to, a large file killed half-way, nodes killed at work. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { chaosFaults } from '../soak/chaos/faults.ts';
import { soakChaos } from '../soak/chaos.ts';
import { callerLeaves } from '../soak/faults/caller-faults.ts';
import { corruptBlob } from '../soak/faults/file-faults.ts';
import { nodeTerminated } from '../soak/faults/node-faults.ts';
import { soakFaults } from '../soak/faults.ts';
import { soakRestart } from '../soak/restart.ts';
import { soakUpload } from '../soak/upload.ts';
import { findFreePort } from '../standalone/src/preflight.ts';

const SAY = () => {};

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'lepton-soak-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

describe('what was acknowledged', { timeout: 300_000 }, () => {
  it('survives kills at random moments, and what nobody wants is collected', async () => {
    const result = await soakRestart({
      home: join(folder, 'home'),
      port: await findFreePort(),
      rounds: 1,
      untilMs: 120_000,
      limits: { graceMs: 20_000, uploadTtlMs: 10_000 },
      say: SAY,
    });
    expect(result.violations).toEqual([]);
    expect(result.kills).toEqual({ workerd: 0, group: 1, standalone: 0 });
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

describe('callers', { timeout: 300_000 }, () => {
  it('are answered, and rightly, while nodes are killed, end and find their files damaged', async () => {
    const results = await soakFaults({
      folder: join(folder, 'faults'),
      port: await findFreePort(),
      faults: [nodeTerminated, corruptBlob, callerLeaves],
      rounds: 1,
      untilMs: 120_000,
      say: SAY,
    });
    expect(results.flatMap(({ violations }) => violations)).toEqual([]);
    for (const { rounds, tally } of results) {
      expect(rounds).toBe(1);
      expect(tally).toMatchObject({ wrong: 0, failed: new Map() });
      expect(tally.answered).toBeGreaterThan(0);
    }
  });

  it('are answered at every place while a node is killed and while the registry is away', async () => {
    const rounds = await soakChaos({
      folder: join(folder, 'chaos'),
      port: await findFreePort(),
      faults: chaosFaults('node killed', 'D1 away'),
      rounds: 2,
      requests: 300,
      untilMs: 120_000,
      say: SAY,
    });
    expect(rounds.map(({ fault, violations }) => [fault.name, violations])).toEqual([
      ['node killed', []],
      ['D1 away', []],
    ]);
    for (const { tally } of rounds) expect(tally.answered).toBeGreaterThanOrEqual(300);
  });
});
