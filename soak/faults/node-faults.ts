/** A node that is killed, frozen, or told to end, while callers wait for it: the other one answers them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GpuNode } from '../support/gpu-node.ts';
import type { Fault } from './fault.ts';

/** Longer than a node may be silent. */
const FROZEN_MS = 9_000;
const NONE = [] as const;

export const nodeKilled: Fault = {
  name: 'node killed',
  what: 'SIGKILL to the node that answers',
  told: NONE,
  async round(stage) {
    let victim: GpuNode | undefined;
    const tally = await stage.underLoad(async (soFar) => {
      victim = await stage.busier(soFar);
      await victim.kill();
    });
    const recoveredMs = victim && (await stage.start(victim));
    return { tally, ...(recoveredMs !== undefined && { recoveredMs }) };
  },
};

export const nodeFrozen: Fault = {
  name: 'node frozen',
  what: `SIGSTOP to the node that answers, SIGCONT ${FROZEN_MS / 1000} s later`,
  told: NONE,
  async round(stage) {
    let recoveredMs = 0;
    const tally = await stage.underLoad(async (soFar) => {
      const victim = await stage.busier(soFar);
      victim.freeze();
      await sleep(FROZEN_MS);
      victim.thaw();
      const thawedAt = performance.now();
      await victim.untilReady();
      recoveredMs = performance.now() - thawedAt;
    });
    return { tally, recoveredMs };
  },
};

export const nodeTerminated: Fault = {
  name: 'node told to end',
  what: 'SIGTERM to the node that answers',
  told: NONE,
  async round(stage) {
    let victim: GpuNode | undefined;
    let ended = '';
    const tally = await stage.underLoad(async (soFar) => {
      victim = await stage.busier(soFar);
      const { code, signal } = await victim.terminate();
      ended = signal ?? String(code);
    });
    const recoveredMs = victim && (await stage.start(victim));
    const violations = ended === '0' ? [] : [`the node ended with ${ended}`];
    return { tally, violations, ...(recoveredMs !== undefined && { recoveredMs }) };
  },
};
