/** `npm run bench:gpu-node`: a node at 1 to 256 callers, against the engine alone and a naive server, in turns; then asked for more than it can do. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { machine } from '../soak/reports/machine.ts';
import { recordMeasurement } from '../soak/reports/record.ts';
import { quantile, tableOf } from '../soak/support/table.ts';
import { LineProcess } from './line-process.ts';
import type { Round, RoundResult } from './load.ts';
import { type NodeServers, type Server, withServers } from './node-servers.ts';
import { MOST, WORKLOADS, type Workload } from './node-workloads.ts';
import { delaysOf, overload } from './overload.ts';
import { bytesOf, callOf } from './raw-connection.ts';

const CALLERS = [1, 8, 64, 256];
/** Long enough for a thousandth of the looks at an event loop to be some. */
const DELAY_MS = 10_000;

const { values: flags } = parseArgs({
  options: {
    record: { type: 'boolean', default: false },
    only: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    ms: { type: 'string', default: '1000' },
  },
});
const rounds = Number(flags.rounds);
const windowMs = Number(flags.ms);

/** With the microseconds of CPU time that the server took for an answer. */
interface ServerResult extends RoundResult {
  cpuUs: number;
}

/** Of one workload, over all rounds: the engine's items per second, and what each server did at each number of callers. */
interface Measures {
  raw: number[];
  servers: Record<Server, Map<number, ServerResult[]>>;
  /** Of the node's event loop, by quantile, in ms, at each number of callers. */
  delays: Map<number, Record<string, string>>;
}

const root = await mkdtemp(join(tmpdir(), 'bench-gpu-node-'));
const load = LineProcess.start('bench/load.ts');
const sections: string[] = [];
try {
  for (const workload of WORKLOADS) {
    if (flags.only === undefined || flags.only === workload.name) sections.push(await sectionOf(workload));
  }
} finally {
  await load.stop();
  await rm(root, { recursive: true });
}
const page = `# Benchmark: gpu-node

Callers that repeat one binary call over HTTP, each on its own connection, from a process of their own. The naive server is Hono on
\`@hono/node-server\` with one \`session.run\` a request; it reads and writes the same bytes. The engine alone is \`session.run\` in a loop at batch
${MOST}, without HTTP. All have one instance of the model on one thread. Medians of ${rounds} rounds of ${windowMs} ms, three times that for USE-lite, in turns;
how late the node's event loop is, that is the thread of HTTP, is of ${DELAY_MS / 1000} s more for each number of callers. \`npm run bench:gpu-node -- --record\`.
${machine()}

${sections.join('\n\n')}
`;
process.stdout.write(page);
if (flags.record) await recordMeasurement('bench-gpu-node', page);

async function sectionOf(workload: Workload): Promise<string> {
  return await withServers(workload, root, async (all) => {
    const measures = await measure(workload, all);
    const capacity = median(measures, 'node', MOST, 'perSecond');
    const { url } = all.servers.node;
    const call = callFor(url, workload);
    const flooded = await overload({ call, url, metricsUrl: all.metricsUrl, capacity });
    return toSection(workload, measures, flooded);
  });
}

async function measure(workload: Workload, { raw, servers, metricsUrl }: NodeServers): Promise<Measures> {
  const ms = windowMs * workload.patience;
  const measures: Measures = { raw: [], servers: { node: new Map(), naive: new Map() }, delays: new Map() };
  const takeTurns = async (keep: boolean) => {
    const { perSecond } = await raw.ask<{ perSecond: number }>(ms);
    if (keep) measures.raw.push(perSecond);
    for (const callers of CALLERS.toReversed()) {
      for (const server of ['node', 'naive'] as const) {
        const { process, url } = servers[server];
        const before = await process.cpuMs();
        const round = await load.ask<RoundResult>(roundOf(url, workload, callers, ms));
        const result = { ...round, cpuUs: (((await process.cpuMs()) - before) * 1e3) / round.answers };
        const kept = measures.servers[server];
        if (keep) kept.set(callers, [...(kept.get(callers) ?? []), result]);
      }
    }
  };
  // The first one is for the compilers.
  await takeTurns(false);
  for (let i = 0; i < rounds; i++) await takeTurns(true);
  for (const callers of CALLERS) {
    await delaysOf(metricsUrl);
    await load.ask<RoundResult>(roundOf(servers.node.url, workload, callers, DELAY_MS));
    measures.delays.set(callers, await delaysOf(metricsUrl));
  }
  return measures;
}

function roundOf(url: string, workload: Workload, callers: number, ms: number): Round {
  return { url, calls: [callFor(url, workload)], callers, ms };
}

function callFor(url: string, workload: Workload): string {
  return bytesOf(url, callOf(workload)).toString('base64');
}

function median({ servers }: Measures, server: Server, callers: number, figure: keyof ServerResult): number {
  const results = servers[server].get(callers) ?? [];
  return quantile(
    results.map((result) => result[figure]),
    0.5,
  );
}

function toSection({ title }: Workload, measures: Measures, flooded: string): string {
  const { raw, delays } = measures;
  const rows = CALLERS.flatMap((callers) =>
    (['node', 'naive'] as const).map((server) => [
      callers,
      server === 'node' ? 'gpu-node' : 'naive server',
      median(measures, server, callers, 'perSecond').toFixed(0),
      median(measures, server, callers, 'p50Ms').toFixed(2),
      median(measures, server, callers, 'p99Ms').toFixed(2),
      median(measures, server, callers, 'cpuUs').toFixed(0),
      ...(server === 'node' ? ['0.99', '0.999'] : []).map((quantile) => delays.get(callers)?.[quantile] ?? ''),
    ]),
  );
  const ours = median(measures, 'node', MOST, 'perSecond');
  const alone = quantile(raw, 0.5);
  return `## ${title}

${tableOf(['callers', 'server', 'items/s', 'p50 ms', 'p99 ms', 'CPU µs an item', 'event loop p99 ms', 'p99.9 ms'], rows)}

The engine alone: ${alone.toFixed(0)} items/s. At ${MOST} callers the node does ${(ours / alone).toFixed(2)} of that, and ${(ours / median(measures, 'naive', MOST, 'perSecond')).toFixed(2)} times what the naive server does.

Asked for a multiple of that, at a fixed rate and by callers that heed no refusal:

${flooded}`;
}
