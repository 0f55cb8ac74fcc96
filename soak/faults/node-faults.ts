/** A node that is killed, frozen, or told to end, while callers wait for it: the other one answers them. */
import { setTimeout as sleep } from 'node:timers/promises';
import type { GpuNode } from '../support/gpu-node.ts';
import type { Fault, Round } from './fault.ts';
import type { Stage } from './stage.ts';

/** Longer than a node may be silent. */
const FROZEN_MS = 9_000;
const NONE = [] as const;

export const nodeKilled: Fault = {
  name: 'node killed',
  what: 'SIGKILL to the node that answers',
  told: NONE,
  round: (stage) =>
    endedUnderLoad(stage, async (node) => {
      await node.kill();
      return [];
    }),
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
  round: (stage) =>
    endedUnderLoad(stage, async (node) => {
      const { code, signal } = await node.terminate();
      return code === 0 ? [] : [`the node ended with ${signal ?? code}`];
    }),
};

/** @param end ends the node that answers, and says what was wrong with that; the node is started again */
async function endedUnderLoad(stage: Stage, end: (node: GpuNode) => Promise<string[]>): Promise<Round> {
  let victim = stage.a;
  let violations: string[] = [];
  const tally = await stage.underLoad(async (soFar) => {
    victim = await stage.busier(soFar);
    violations = await end(victim);
  });
  return { tally, violations, recoveredMs: await stage.start(victim) };
}
