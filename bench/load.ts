/**
 * Callers that each repeat calls on a connection of their own, over plain sockets: a client that costs as little as it can.
 * Each line of standard input is one round, a JSON `Round`; the answer is a line of what came of it, a JSON `RoundResult`.
 */
import { createInterface } from 'node:readline';
import { quantile } from '../soak/support/table.ts';
import { openConnection } from './raw-connection.ts';

export interface Round {
  url: string;
  /** As `bytesOf` makes them, in base64; taken in turns, over all callers. */
  calls: string[];
  callers: number;
  /** How long it is repeated; absent: each call is made once. */
  ms?: number;
  /** What is counted in the heads of answers, in lower case. */
  marker?: string;
  /** Answers within the window that took longer are counted. */
  slowMs?: number;
  /** Answers of other statuses than 200 are counted; else the first one ends it all. */
  mayFail?: boolean;
}

export interface RoundResult {
  /** Answers from the first to the last, the warm-up included, and how many of them had the marker, and were no 200. */
  answers: number;
  marked: number;
  failed: number;
  /** Of the answers within the window, as all below. */
  perSecond: number;
  p50Ms: number;
  p99Ms: number;
  slowestMs: number;
  slow: number;
}

const WARM_UP_MS = 150;

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await runRound(JSON.parse(line)))}\n`);
}

async function runRound({ calls, callers, ms, ...round }: Round): Promise<RoundResult> {
  const startedAt = performance.now() + (ms === undefined ? 0 : WARM_UP_MS);
  const endsAt = startedAt + (ms ?? Number.POSITIVE_INFINITY);
  const bytes = calls.map((call) => Buffer.from(call, 'base64'));
  const turns = ms === undefined ? bytes.values() : inTurns(bytes);
  const window: Window = { ...round, turns, startedAt, endsAt, latencies: [], answers: 0, marked: 0, failed: 0 };
  await Promise.all(Array.from({ length: callers }, () => repeat(window)));
  const { latencies, answers, marked, failed } = window;
  return {
    answers,
    marked,
    failed,
    perSecond: (latencies.length * 1000) / (ms ?? performance.now() - startedAt),
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
    slowestMs: quantile(latencies, 1),
    slow: latencies.filter((latency) => latency > (round.slowMs ?? Number.POSITIVE_INFINITY)).length,
  };
}

interface Window extends Omit<Round, 'calls' | 'callers' | 'ms'> {
  turns: Iterator<Buffer>;
  startedAt: number;
  endsAt: number;
  /** Of the answers that came within the window. */
  latencies: number[];
  answers: number;
  marked: number;
  failed: number;
}

function* inTurns(calls: readonly Buffer[]): Generator<Buffer> {
  for (;;) yield* calls;
}

function repeat(window: Window): Promise<void> {
  const { url, turns, startedAt, endsAt, latencies, marker, mayFail } = window;
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    const connection = openConnection(url, {
      failed: reject,
      answered: (status, head) => {
        const now = performance.now();
        if (status !== 200 && !mayFail) return reject(new Error(`expected 200, got ${head}`));
        if (status !== 200) window.failed++;
        window.answers++;
        if (marker !== undefined && head.toLowerCase().includes(marker)) window.marked++;
        if (now >= startedAt && now < endsAt) latencies.push(now - sentAt);
        if (now < endsAt) send();
        else connection.end(resolve);
      },
    });
    const send = () => {
      const { value, done } = turns.next();
      if (done) return connection.end(resolve);
      sentAt = performance.now();
      connection.send(value);
    };
    send();
  });
}
