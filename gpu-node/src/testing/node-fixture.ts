/** A node in this process, joined to a gateway stand-in, with a home of its own; everything goes at the end of the test. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DIGEST_HEADER, GRANT_HEADER, type Version } from '@lepton-edge/protocol';
import pino from 'pino';
import { onTestFinished } from 'vitest';
import type { Config } from '../config.ts';
import { startNode } from '../node.ts';
import type { RunningNode } from '../node-parts.ts';
import { GatewayStandIn, GRANT } from './gateway-stand-in.ts';

export interface Fixture {
  gateway: GatewayStandIn;
  home: string;
  node: RunningNode;
  /** Every line the node has logged. */
  logged: string[];
  /** A delegated call, as the gateway makes it. */
  infer(version: Version, body: string | Uint8Array<ArrayBuffer>, headers?: Record<string, string>): Promise<Response>;
}

export async function makeHome(): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), 'gpu-node-'));
  onTestFinished(() => rm(home, { recursive: true }));
  return home;
}

export async function startGateway(): Promise<GatewayStandIn> {
  const gateway = await GatewayStandIn.start();
  onTestFinished(() => gateway.stop());
  return gateway;
}

export function configFor(gateway: GatewayStandIn, home: string, changes: Partial<Config> = {}): Config {
  return {
    gateway: gateway.url,
    load: 'all',
    pin: [],
    metricsAddress: 'off',
    token: 'join-token',
    name: 'test-1',
    home,
    host: '127.0.0.1',
    port: 0,
    labels: {},
    modelMemoryMib: 64,
    maxModels: 4,
    maxDiskMib: 1024,
    maxQueue: 8,
    maxQueueMib: 16,
    drainSeconds: 3,
    trialSeconds: 20,
    trialMemoryMib: 1024,
    threads: 'auto',
    instances: 'auto',
    webgpu: 'off',
    webgpuStrict: false,
    cuda: false,
    accessLog: false,
    logLevel: 'debug',
    ...changes,
  };
}

/** Starts a node, and stops it at the end of the test unless that has. */
export async function startTestNode(config: Config, logged: string[] = []): Promise<RunningNode> {
  const log = pino({ level: config.logLevel }, { write: (line: string) => void logged.push(line) });
  const node = await startNode(config, log);
  // Some tests look at how it ends; for the rest its end is no failure.
  node.ended.catch(() => undefined);
  onTestFinished(async () => {
    await node.stop();
  });
  return node;
}

/** A gateway and a node that has joined it. */
export async function joinedNode(changes: Partial<Config> = {}): Promise<Fixture> {
  const gateway = await startGateway();
  const home = await makeHome();
  const logged: string[] = [];
  const node = await startTestNode(configFor(gateway, home, changes), logged);
  await gateway.heartbeat(() => true);
  return {
    gateway,
    home,
    node,
    logged,
    async infer(version, body, headers = {}) {
      return await fetch(`${node.url}/v2/models/${version.model}/versions/${version.version}/infer`, {
        method: 'POST',
        body,
        headers: {
          authorization: `Bearer ${await gateway.sign()}`,
          [DIGEST_HEADER]: version.digest,
          [GRANT_HEADER]: GRANT,
          ...headers,
        },
      });
    },
  };
}
