/** The node at 64 callers, against a naive server and the engine alone; `npm run bench:gpu-node` tells more. */
import type { Subject } from '../bench.ts';
import { type Server, withServers } from '../node-servers.ts';
import { MOST, WORKLOADS } from '../node-workloads.ts';
import { callOf } from '../raw-connection.ts';
import { inRounds, type Measured, over, type Target } from '../row.ts';

const TARGETS: Record<string, { naive: Target; raw: Target }> = {
  'silero-vad': { naive: { atLeast: 2.5 }, raw: { atLeast: 0.5 } },
  'use-lite': { naive: undefined, raw: { atLeast: 0.85 } },
};

const WARM_UP_MS = 4_000;

export const gpuNode: Subject = async (bench) => {
  const rows: Measured[] = [];
  for (const workload of WORKLOADS) {
    await withServers(workload, bench.folder, async ({ raw, servers }) => {
      const ms = bench.windowMs * workload.patience;
      const call = callOf(workload);
      const rate = (server: Server, forMs = ms) => bench.http.perSecond(servers[server].url, call, MOST, forMs);
      // Compilers take longer for a program than for a loop.
      for (const server of ['node', 'naive'] as const) {
        await rate(server, WARM_UP_MS);
      }
      const { node, naive, engine } = await inRounds(bench.rounds, {
        node: () => rate('node'),
        naive: () => rate('naive'),
        engine: async () => (await raw.ask<{ perSecond: number }>(ms)).perSecond,
      });
      const row = (id: string, what: string, target: Target, name: string, theirs: number[]): Measured => ({
        id: `gpu-node-${workload.name}-${id}`,
        what: `gpu-node, ${workload.title}, ${MOST} callers: items/s of ${what}`,
        target,
        ratios: over(node, theirs),
        samples: { nodePerSecond: node, [name]: theirs },
      });
      const targets = TARGETS[workload.name];
      rows.push(
        row('naive', "the naive server's", targets?.naive, 'naivePerSecond', naive),
        row('engine', "the engine's alone", targets?.raw, 'enginePerSecond', engine),
      );
    });
  }
  return rows;
};
