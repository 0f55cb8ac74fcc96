/**
 * Callers that each repeat one call on a connection of their own, over plain sockets: a client that costs as little as it can.
 * Each line of standard input is one round, a JSON `Round`; the answer is a line of what came of it, a JSON `RoundResult`.
 */
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { encodeBinaryRequest, HEADER_LENGTH } from '@lepton-edge/protocol';
import { quantile } from '../soak/support/table.ts';
import { workloadNamed } from './node-workloads.ts';

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

const HEAD_END = Buffer.from('\r\n\r\n');
const WARM_UP_MS = 150;

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await runRound(JSON.parse(line)))}\n`);
}

async function runRound({ url, workload, callers, ms }: Round): Promise<RoundResult> {
  const call = callOf(url, workload);
  const startedAt = performance.now() + WARM_UP_MS;
  const endsAt = startedAt + ms;
  const window: Window = { startedAt, endsAt, latencies: [], answers: 0 };
  const { hostname, port } = new URL(url);
  await Promise.all(Array.from({ length: callers }, () => repeat(connect(Number(port), hostname), call, window)));
  const { latencies, answers } = window;
  return {
    answers,
    perSecond: (latencies.length * 1000) / ms,
    p50Ms: quantile(latencies, 0.5),
    p99Ms: quantile(latencies, 0.99),
  };
}

function callOf(url: string, name: string): Buffer {
  const workload = workloadNamed(name);
  const { bytes, headerLength } = encodeBinaryRequest({
    inputs: workload.inputs(1),
    outputs: workload.outputs.map((output) => ({ name: output })),
  });
  const head = [
    `POST /v2/models/${name}/infer HTTP/1.1`,
    `host: ${new URL(url).host}`,
    'content-type: application/octet-stream',
    `${HEADER_LENGTH}: ${headerLength}`,
    `content-length: ${bytes.byteLength}`,
  ];
  return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), bytes]);
}

interface Window {
  startedAt: number;
  endsAt: number;
  /** Of the answers that came within the window. */
  latencies: number[];
  answers: number;
}

function repeat(socket: Socket, call: Buffer, window: Window): Promise<void> {
  const { startedAt, endsAt, latencies } = window;
  return new Promise((resolve, reject) => {
    let sentAt = 0;
    let missing = 0;
    let held: Buffer = Buffer.alloc(0);
    const send = () => {
      sentAt = performance.now();
      socket.write(call);
    };
    socket.setNoDelay(true).once('error', reject).once('connect', send);
    socket.on('data', (chunk: Buffer) => {
      if (missing > 0) missing -= chunk.byteLength;
      else {
        held = held.byteLength === 0 ? chunk : Buffer.concat([held, chunk]);
        const end = held.indexOf(HEAD_END);
        if (end < 0) return;
        missing = lengthIn(held.toString('latin1', 0, end)) - (held.byteLength - end - HEAD_END.byteLength);
        held = Buffer.alloc(0);
      }
      if (missing > 0) return;
      const now = performance.now();
      window.answers++;
      if (now >= startedAt && now < endsAt) latencies.push(now - sentAt);
      if (now < endsAt) send();
      else socket.end(resolve);
    });
  });
}

function lengthIn(head: string): number {
  const length = /^HTTP\/1\.1 200 .*\r\ncontent-length: (\d+)/is.exec(head)?.[1];
  if (length === undefined) throw new Error(`expected an answer with a length, got ${head}`);
  return Number(length);
}
