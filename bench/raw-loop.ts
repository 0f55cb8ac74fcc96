/**
 * The engine alone, in a loop at batch 64 on one thread: what a server around it can reach at most. Each line of standard input
 * is a duration in ms, answered with the items per second. `node bench/raw-loop.ts WORKLOAD MODEL_PATH`
 */
import { createInterface } from 'node:readline';
import { feedsOf, openSession } from './naive-session.ts';
import { MOST, workloadNamed } from './node-workloads.ts';

const [name, path = ''] = process.argv.slice(2);
const workload = workloadNamed(name);
const session = await openSession(path);
const feeds = feedsOf(workload.inputs(MOST));
await session.run(feeds, workload.outputs);
process.stdout.write('listening\n');

for await (const line of createInterface({ input: process.stdin })) {
  const startedAt = performance.now();
  let runs = 0;
  while (performance.now() - startedAt < Number(line)) {
    await session.run(feeds, workload.outputs);
    runs++;
  }
  process.stdout.write(`${JSON.stringify({ perSecond: (runs * MOST * 1000) / (performance.now() - startedAt) })}\n`);
}
