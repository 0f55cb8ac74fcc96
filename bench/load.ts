/**
 * Callers that each repeat one call on a connection of their own, over plain sockets: a client that costs as little as it can.
 * Each line of standard input is one round, a JSON `Round`; the answer is a line of what came of it, a JSON `RoundResult`.
 */
import { createInterface } from 'node:readline';
import { quantile } from '../soak/support/table.ts';
import { callOf, openConnection } from './raw-connection.ts';

export interface Round {
  url: string;
  workload: string;
  callers: number;
  ms: number;
}

export interface RoundResult {
  /** Answers from the first to the last, the warm-up included. */
  answers: number;
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
}

const WARM_UP_MS = 150;

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await runRound(JSON.parse(line)))}\n`);
}

async function runRound({ url, workload, callers, ms }: Round): Promise<RoundResult> {
  const call = callOf(url, workload);
  const startedAt = performance.now() + WARM_UP_MS;
  const endsAt = startedAt + ms;
  const window: Window = { startedAt, endsAt, latencies: [], answers: 0 };
  await Promise.all(Array.from({ length: callers }, () => repeat(url, call, window)));
  const { latencies, answers } = window;
  return {
    answers,
    perSecond: (latencies.length * 1000) / ms,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

interface Window {
  startedAt: number;
  endsAt: number;
  /** Of the answers that came within the window. */
  latencies: number[];
  answers: number;
}

function repeat(url: string, call: Buffer, window: Window): Promise<void> {
  const { startedAt, endsAt, latencies } = window;
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    const send = () => {
      sentAt = performance.now();
      connection.send(call);
    };
    const connection = openConnection(url, {
      failed: reject,
      answered: (status) => {
        if (status !== 200) return reject(new Error(`expected 200, got ${status}`));
        const now = performance.now();
        window.answers++;
        if (now >= startedAt && now < endsAt) latencies.push(now - sentAt);
        if (now < endsAt) send();
        else connection.end(resolve);
      },
    });
    send();
  });
}
