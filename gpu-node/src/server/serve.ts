/** Listening, and ending in order: what every node does, whoever it serves. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { InferenceCore } from '../core/infer.ts';
import type { Models } from '../models/lifecycle.ts';

const DRAIN_MS = 3_000;
const UNLOAD_MS = 500;

export interface ListenAddress {
  host: string;
  port: number;
}

/** @returns `host:port` as it stands in a URL. @throws Error when the address cannot be had */
export async function listen(server: Server, { host, port }: ListenAddress): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return `${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

export interface Ending {
  server: Server;
  metrics: Server | undefined;
  core: InferenceCore;
  models: Models;
  log: Logger;
}

/**
 * Stops accepting, and lets requests under way finish, for 3 s at most.
 * @returns false when runs are still on: the process must not be ended by `exit`, which would wait for them and abort
 */
export async function endServing({ server, metrics, core, models, log }: Ending): Promise<boolean> {
  const closed = new Promise<boolean>((resolve) => server.close(() => resolve(true)));
  const finished = await Promise.race([closed, after(DRAIN_MS)]);
  server.closeAllConnections();
  metrics?.close();
  metrics?.closeAllConnections();
  if (!finished) log.warn(core.load(), 'requests under way did not end in time');
  return await Promise.race([models.close().then(() => true), after(UNLOAD_MS)]);
}

function after(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref());
}
