/** Listening, and ending in order: what every node does, whoever it serves. */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { InferenceCore } from '../core/infer.ts';
import type { Models } from '../models/lifecycle.ts';
import { endSilent } from './silent-connections.ts';

const UNLOAD_MS = 500;
/** A request may be on its way on a connection that was made for it. */
const SILENCE_MS = 500;

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
  /** How long requests under way may take. */
  drainMs: number;
  /** What is to be told once no request is under way any more. */
  farewell?: () => Promise<void>;
  log: Logger;
}

/** How a node ended. */
export interface Ended {
  /** Whether every request was answered that had been accepted. */
  finished: boolean;
  /** False when runs are still on: the process must not be ended by `exit`, which would wait for them and abort. */
  exitable: boolean;
}

/** Stops accepting, and lets requests under way finish. */
export async function endServing({ server, metrics, core, models, drainMs, farewell, log }: Ending): Promise<Ended> {
  const closed = new Promise<boolean>((resolve) => server.close(() => resolve(true)));
  const silence = setTimeout(() => endSilent(server), SILENCE_MS);
  const finished = await Promise.race([closed, after(drainMs)]);
  clearTimeout(silence);
  const left = core.load();
  server.closeAllConnections();
  metrics?.close();
  metrics?.closeAllConnections();
  await farewell?.();
  if (finished) log.info('stopped: every request was answered');
  else log.warn(left, 'stopped: requests under way did not end in time, and were cut off');
  const exitable = await Promise.race([models.close().then(() => true), after(UNLOAD_MS)]);
  return { finished, exitable };
}

function after(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref());
}
