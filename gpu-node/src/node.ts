/** Puts a node together from its parts, and takes it apart again in order. */

import { chmod, mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { InferenceCore } from './core/infer.ts';
import { ortCpu } from './engines/ort-cpu/engine.ts';
import { Engines } from './engines/registry.ts';
import { credentialStore } from './fleet/credential.ts';
import { GatewayClient } from './fleet/gateway-client.ts';
import { GatewaySource } from './fleet/gateway-source.ts';
import { type Identity, loadIdentity } from './fleet/identity.ts';
import { Membership, type MembershipChange } from './fleet/membership.ts';
import { BlobCache } from './models/blob-cache.ts';
import { type ModelChange, Models } from './models/lifecycle.ts';
import { Repository } from './models/repository.ts';
import { createHttpServer } from './server/http-server.ts';
import { createCallVerifier } from './server/verify-call.ts';
import { SOFTWARE_VERSION } from './software-version.ts';
import { Trials } from './trial/trials.ts';

const MIB = 1024 * 1024;
const DRAIN_MS = 3_000;
const UNLOAD_MS = 500;

export interface RunningNode {
  /** Where the gateway is told to reach the node. */
  url: string;
  /** Rejects when the node cannot go on; resolves after `stop`. */
  ended: Promise<void>;
  /**
   * Says farewell, stops accepting, and lets requests under way finish, for 3 s at most. Idempotent.
   * @returns false when runs are still on: the process must not be ended by `exit`, which would wait for them and abort
   */
  stop(): Promise<boolean>;
}

/** Listens, then joins. @throws Error when the home, the port or every engine fails */
export async function startNode(config: Config, log: Logger): Promise<RunningNode> {
  await mkdir(config.home, { recursive: true });
  await chmod(config.home, 0o700);
  const identity = await loadIdentity(config.home);
  const engines = await Engines.start([ortCpu]);
  for (const { name, reason } of engines.absent) log.info({ engine: name, reason }, 'an engine cannot run here');

  const gateway = new GatewayClient(config.gateway);
  const repository = new Repository(
    new GatewaySource(gateway, () => membership.credential?.credential),
    await BlobCache.open(config.home, config.maxDiskMib * MIB),
  );
  const models = new Models({
    repository,
    engines,
    maxBytes: config.modelMemoryMib * MIB,
    maxModels: config.maxModels,
    onChange: (change) => {
      logModel(log, change);
      if (change.state !== 'failed') membership.poke();
    },
  });
  const core = new InferenceCore(models, config.maxQueue);
  const trials = new Trials(repository, config.name, {
    timeMs: config.trialSeconds * 1000,
    memoryBytes: config.trialMemoryMib * MIB,
    modelBytes: config.modelMemoryMib * MIB,
  });
  const state = { draining: false };
  const server = createHttpServer({
    core,
    models,
    trials,
    prove: identity.prove,
    verifyCall: createCallVerifier(() => {
      const { credential } = membership;
      return credential && { issuer: credential.issuer, nodeId: credential.id };
    }),
    notReady: () => {
      if (state.draining) return 'this node is going away';
      return membership.joined ? undefined : 'this node has not joined its gateway yet';
    },
    draining: () => state.draining,
    log,
  });
  const url = config.url ?? `http://${await listen(server, config)}`;
  const membership = new Membership({
    gateway,
    store: credentialStore(config.home),
    token: config.token,
    self: selfOf(config, identity, url),
    report: () => ({
      url,
      softwareVersion: SOFTWARE_VERSION,
      engines: engines.reports,
      loaded: models.loaded().slice(0, 1000),
      ...core.load(),
      rssBytes: process.memoryUsage.rss(),
    }),
    onChange: (change) => logMembership(log, config.gateway, change),
  });
  log.info({ url, engines: engines.reports, version: SOFTWARE_VERSION }, 'listening');

  let stopped: Promise<boolean> | undefined;
  return {
    url,
    ended: membership.run(),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };

  async function stop(): Promise<boolean> {
    state.draining = true;
    await membership.leave();
    const closed = new Promise<boolean>((resolve) => server.close(() => resolve(true)));
    const finished = await Promise.race([closed, after(DRAIN_MS)]);
    server.closeAllConnections();
    if (!finished) log.warn(core.load(), 'requests under way did not end in time');
    return await Promise.race([models.close().then(() => true), after(UNLOAD_MS)]);
  }
}

function selfOf(config: Config, { publicKey }: Identity, url: string) {
  const { name, region, labels } = config;
  return { name, url, publicKey, labels, ...(region === undefined ? {} : { region }) };
}

/** @returns `host:port` as it stands in a URL. @throws Error when the address cannot be had */
async function listen(server: Server, { host, port }: Config): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const { port: actual } = server.address() as AddressInfo;
  return `${host.includes(':') ? `[${host}]` : host}:${actual}`;
}

function after(ms: number): Promise<false> {
  return new Promise((resolve) => setTimeout(() => resolve(false), ms).unref());
}

function logModel(log: Logger, { state, label, ...change }: ModelChange): void {
  const level = state === 'failed' || state === 'lost' ? 'warn' : 'info';
  log[level]({ model: label, ...change }, `model ${state}`);
}

function logMembership(log: Logger, gateway: string, change: MembershipChange): void {
  if (change.state === 'joined') log.info({ gateway, id: change.id }, 'joined');
  else log.warn({ gateway, reason: change.reason }, 'waiting for the gateway');
}
