/**
 * Calls at a fixed rate, whatever comes of them: nobody waits for an answer, or heeds a refusal. Each line of standard input is one
 * `Flood`, in JSON; the answer is a line of what came of it, a JSON `FloodResult`.
 */
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { quantile } from '../soak/support/table.ts';
import { openConnection, type RawConnection } from './raw-connection.ts';

export interface Flood {
  url: string;
  /** As `bytesOf` makes it, in base64. */
  call: string;
  perSecond: number;
  ms: number;
}

export interface FloodResult {
  /** Within the window, per second. */
  offered: number;
  answered: number;
  /** All that was no 200. */
  refused: number;
  /** How many answers were neither 200 nor 429, warm-up included. */
  failed: number;
  /** Of the answers, and of the refusals. */
  p50Ms: number;
  p99Ms: number;
  refusedP99Ms: number;
}

const WARM_UP_MS = 1000;
/** More than a node takes requests at a time; opened a few at a time, as a node takes them. */
const CONNECTIONS = 384;
const OPENED_AT_ONCE = 32;

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await flood(JSON.parse(line)))}\n`);
}

async function flood({ url, perSecond, ms, ...flood }: Flood): Promise<FloodResult> {
  const call = Buffer.from(flood.call, 'base64');
  let startedAt = Number.POSITIVE_INFINITY;
  let endsAt = Number.POSITIVE_INFINITY;
  const idle: (RawConnection & { sentAt: number })[] = [];
  const answers: number[] = [];
  const refusals: number[] = [];
  let failed = 0;
  const { promise: broken, reject } = Promise.withResolvers<never>();
  const open = () => {
    const answered = (status: number) => {
      const now = performance.now();
      if (status !== 200 && status !== 429) failed++;
      const latencies = status === 200 ? answers : refusals;
      if (now >= startedAt && now < endsAt) latencies.push(now - connection.sentAt);
      idle.push(connection);
    };
    const connection = Object.assign(openConnection(url, { failed: reject, answered }), { sentAt: 0 });
    idle.push(connection);
    return connection.opened;
  };
  let due = 0;
  let offered = 0;
  const sending = async () => {
    while (idle.length < CONNECTIONS) await Promise.all(Array.from({ length: OPENED_AT_ONCE }, open));
    const beganAt = performance.now();
    startedAt = beganAt + WARM_UP_MS;
    endsAt = startedAt + ms;
    for (let now = beganAt; now < endsAt; now = performance.now()) {
      for (; due < ((now - beganAt) * perSecond) / 1000; due++) {
        // In turns, so that none is unused for long.
        const connection = idle.shift();
        if (!connection) continue;
        if (connection.isClosed) {
          void open();
          continue;
        }
        if (now >= startedAt) offered++;
        connection.sentAt = now;
        connection.send(call);
      }
      await sleep(1);
    }
    while (idle.length < CONNECTIONS) await sleep(10);
    for (const connection of idle) connection.end(() => undefined);
  };
  await Promise.race([sending(), broken]);
  const rate = (count: number) => (count * 1000) / ms;
  return {
    offered: rate(offered),
    answered: rate(answers.length),
    refused: rate(refusals.length),
    failed,
    p50Ms: quantile(answers, 0.5),
    p99Ms: quantile(answers, 0.99),
    refusedP99Ms: quantile(refusals, 0.99),
  };
}
