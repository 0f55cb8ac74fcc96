/** Callers that misbehave: some send so slowly that they never end, others leave before their answer. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { until } from '../support/gpu-node.ts';
import type { Fault } from './fault.ts';
import type { Stage } from './stage.ts';

const SLOW = 50;
const DRIP_MS = 500;
const WATCHED_MS = 2_000;
const LEAVING = 100;
const CLOSED_WITHIN_MS = 150_000;

/** With what they are. */
const slow = new Map<Socket, string>();

export const slowCallers: Fault = {
  name: 'slow callers',
  what: `${SLOW} connections to each node and to the gateway, on each a request that comes a byte at a time`,
  told: [],
  async round(stage) {
    const tally = await stage.underLoad(async () => {
      for (const url of [stage.a.url, stage.b.url, stage.gateway.url]) {
        for (let i = 0; i < SLOW; i++) drip(url, i % 2 === 0 ? 'headers' : 'body', stage.gateway.key);
      }
      await sleep(WATCHED_MS);
    });
    return { tally };
  },
  async end() {
    const began = performance.now();
    try {
      await until('every slow connection has been closed', async () => slow.size === 0, CLOSED_WITHIN_MS);
    } catch {
      const kinds = [...new Set(slow.values())].join(', ');
      return [
        `${slow.size} slow connections are open after ${Math.round((performance.now() - began) / 1000)} s: ${kinds}`,
      ];
    } finally {
      for (const socket of slow.keys()) socket.destroy();
    }
    return [];
  },
};

export const callerLeaves: Fault = {
  name: 'callers leave',
  what: `${LEAVING} calls at once whose callers leave within 20 ms`,
  told: [],
  async round(stage) {
    const tally = await stage.underLoad(async () => {
      await Promise.all(Array.from({ length: LEAVING }, () => leave(stage)));
    });
    const began = performance.now();
    await until('nothing is waiting', async () => {
      const nodes = await Promise.all([stage.a.seen(), stage.b.seen()]);
      return nodes.every((node) => node !== undefined && node.inFlight + node.queued === 0);
    });
    return { tally, recoveredMs: performance.now() - began };
  },
};

async function leave(stage: Stage): Promise<void> {
  const controller = new AbortController();
  const call = stage.work.call(controller.signal).catch(() => undefined);
  await sleep(Math.random() * 20);
  controller.abort();
  await call;
}

/** Goes on until the server closes. */
function drip(url: string, what: 'headers' | 'body', key: string): void {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  slow.set(socket, `${what} to ${url}`);
  const head = `POST /v2/models/work/infer HTTP/1.1\r\nhost: ${hostname}\r\nauthorization: Bearer ${key}\r\n`;
  socket.write(what === 'headers' ? head : `${head}content-type: application/json\r\ncontent-length: 100000\r\n\r\n{`);
  const timer = setInterval(() => socket.write(what === 'headers' ? 'x' : ' '), DRIP_MS);
  socket.on('error', () => undefined);
  socket.on('data', () => undefined);
  socket.once('close', () => {
    clearInterval(timer);
    slow.delete(socket);
  });
}
