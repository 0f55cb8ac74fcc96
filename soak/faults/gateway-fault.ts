/** The gateway killed with all its processes and started again: its nodes come back by themselves. */

import { callOnce, Tally } from '../support/callers.ts';
import { until } from '../support/gpu-node.ts';
import type { Fault } from './fault.ts';

/** No answer, and what says that no node has been heard of yet. */
const TOLD = ['0', '503 no_placement'];

export const gatewayGone: Fault = {
  name: 'gateway gone',
  what: 'SIGKILL to all processes of the gateway, which is started again',
  told: TOLD,
  async round(stage) {
    let recoveredMs = 0;
    const tally = await stage.underLoad(async () => {
      await stage.gateway.kill('group');
      await stage.gateway.start();
      const startedAt = performance.now();
      await until('a node answers again', async () => {
        const seen = new Tally();
        await callOnce(stage.work, seen);
        return seen.answered > 0;
      });
      recoveredMs = performance.now() - startedAt;
      await Promise.all([stage.a.untilReady(), stage.b.untilReady()]);
    });
    return { tally, recoveredMs };
  },
};
