/** What must hold before anything starts: a home that can be written, a port that is free. */
import { once } from 'node:events';
import { mkdir, readdir, rename, rm, stat, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { errnoOf, Failure, sentenceOf } from './failure.ts';
import type { HomePaths } from './paths.ts';

export const HOST = '127.0.0.1';

const POLL_MS = 50;
const LONGEST_LOG_BYTES = 10 * 1024 * 1024;

/** Makes the home's folders. @throws Failure when the home cannot be written. */
export async function prepareHome(paths: HomePaths): Promise<void> {
  try {
    await mkdir(paths.home, { recursive: true, mode: 0o700 });
    for (const folder of [paths.state, paths.logs, paths.run, paths.examples]) await mkdir(folder, { recursive: true });
    const probe = join(paths.home, `.probe-${process.pid}`);
    await writeFile(probe, '');
    await rm(probe);
    await setLongLogsAside(paths.logs);
  } catch (cause) {
    const reason = sentenceOf(cause);
    throw new Failure(`the home ${paths.home} cannot be written (${reason}): name another with --home DIR`, { cause });
  }
}

/** Once a start, so that the logs of a home stay bounded but for what one run writes. */
async function setLongLogsAside(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if (name.endsWith('.log') && (await stat(path)).size > LONGEST_LOG_BYTES) await rename(path, `${path}.old`);
  }
}

/**
 * @param withinMs how long to wait for it: a killed process is gone before its last thread lets go of its port
 * @throws Failure when something listens on 127.0.0.1:`port`, or it may not be bound
 */
export async function requireFreePort(port: number, withinMs = 0): Promise<void> {
  const deadline = performance.now() + withinMs;
  for (;;) {
    const failure = await tryPort(port);
    if (!failure) return;
    if (performance.now() >= deadline) throw failure;
    await sleep(POLL_MS);
  }
}

async function tryPort(port: number): Promise<Failure | undefined> {
  try {
    await bind(port);
    return undefined;
  } catch (cause) {
    const reason = errnoOf(cause) === 'EADDRINUSE' ? 'is in use' : `cannot be bound (${sentenceOf(cause)})`;
    return new Failure(`port ${port} on ${HOST} ${reason}: choose another with --port N`, { cause });
  }
}

/** A port of 127.0.0.1 that nothing uses at the moment. */
export function findFreePort(): Promise<number> {
  return bind(0);
}

async function bind(port: number): Promise<number> {
  const server = createServer();
  server.listen({ host: HOST, port, exclusive: true });
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (typeof address !== 'object' || address === null) throw new Error(`expected a TCP address, got ${address}`);
  return address.port;
}
