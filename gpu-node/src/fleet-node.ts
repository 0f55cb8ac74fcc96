/** A node in a fleet: put together from its parts, and taken apart again in order. */
import { chmod, mkdir } from 'node:fs/promises';
import type { WantedVersion } from '@lepton-edge/protocol';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { InferenceCore } from './core/infer.ts';
import { credentialStore } from './fleet/credential.ts';
import { GatewayClient } from './fleet/gateway-client.ts';
import { GatewaySource } from './fleet/gateway-source.ts';
import { type Identity, loadIdentity } from './fleet/identity.ts';
import { Membership, type MembershipChange } from './fleet/membership.ts';
import { BlobCache } from './models/blob-cache.ts';
import { FleetCatalogue } from './models/catalogue.ts';
import { Models } from './models/lifecycle.ts';
import { Pins } from './models/pins.ts';
import { Repository } from './models/repository.ts';
import { logModel, logPin, MIB, modelLimits, type RunningNode, startEngines, startMetrics } from './node-parts.ts';
import { createHttpServer } from './server/http-server.ts';
import { endServing, listen } from './server/serve.ts';
import { createCallVerifier } from './server/verify-call.ts';
import { SOFTWARE_VERSION } from './software-version.ts';
import { Tokenizers } from './texts/tokenizers.ts';
import { Trials } from './trial/trials.ts';

type FleetConfig = Config & { gateway: string };

/** Listens, then joins. @throws Error when the home, the port or every engine fails */
export async function startFleetNode(config: FleetConfig, log: Logger): Promise<RunningNode> {
  await mkdir(config.home, { recursive: true });
  await chmod(config.home, 0o700);
  const identity = await loadIdentity(config.home);
  const engines = await startEngines(config, log);

  const gateway = new GatewayClient(config.gateway);
  const blobs = await BlobCache.open(config.home, config.maxDiskMib * MIB);
  const repository = new Repository(new GatewaySource(gateway, () => membership.credential?.credential), blobs);
  const tokenizers = new Tokenizers((digest) => models.stateOf(digest) !== undefined);
  const models = new Models({
    repository,
    engines,
    ...modelLimits(config),
    onChange: (change) => {
      logModel(log, change);
      tokenizers.follow(change);
      pins.note(change);
      if (change.state !== 'failed') membership.poke();
    },
  });
  const pins = new Pins({
    references: config.pin,
    models,
    onChange: (report) => {
      logPin(log, report);
      membership.poke();
    },
  });
  const core = new InferenceCore(models, { requests: config.maxQueue, bytes: config.maxQueueMib * MIB });
  const trials = new Trials(repository, config.name, {
    timeMs: config.trialSeconds * 1000,
    memoryBytes: config.trialMemoryMib * MIB,
    modelBytes: config.modelMemoryMib * MIB,
  });
  const verifyCall = createCallVerifier(() => {
    const { credential } = membership;
    return credential && { issuer: credential.issuer, nodeId: credential.id };
  });
  const state = { draining: false };
  const server = createHttpServer({
    core,
    models,
    tokenizers,
    catalogue: new FleetCatalogue(models),
    pins,
    fleet: { trials, prove: identity.prove },
    extensions: ['binary_tensor_data', 'statistics', 'model_configuration'],
    verify: ({ authorization }) => verifyCall(authorization),
    notReady: () => {
      if (state.draining) return 'this node is going away';
      return membership.joined ? undefined : 'this node has not joined its gateway yet';
    },
    draining: () => state.draining,
    log,
  });
  const metrics = await startMetrics(config, { core, models, engines, diskBytes: () => blobs.space.bytes }, log);
  const url = config.url ?? `http://${await listen(server, config)}`;
  const membership = new Membership({
    gateway,
    store: credentialStore(config.home),
    token: config.token,
    self: selfOf(config, identity, url),
    report: async () => ({
      url,
      softwareVersion: SOFTWARE_VERSION,
      engines: engines.reports,
      loaded: models.loaded().slice(0, 1000),
      ...core.load(),
      rssBytes: process.memoryUsage.rss(),
      ...(config.pin.length > 0 && {
        pins: {
          request: await identity.askFor(config.pin, membership.credential?.issuer ?? ''),
          states: pins.report().slice(0, 1000),
        },
      }),
    }),
    onAnswer: ({ wanted = [] }) => void wantAll(pins, wanted),
    onChange: (change) => logMembership(log, config.gateway, change),
  });
  log.info({ url, metrics: metrics?.url, engines: engines.reports, version: SOFTWARE_VERSION }, 'listening');

  let stopped: Promise<boolean> | undefined;
  return {
    url,
    metricsUrl: metrics?.url,
    ended: membership.run(),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };

  async function stop(): Promise<boolean> {
    state.draining = true;
    pins.close();
    await membership.leave();
    return await endServing({ server, metrics: metrics?.server, core, models, log });
  }
}

/** What the gateway says that the pins stand for. */
async function wantAll(pins: Pins, versions: readonly WantedVersion[]): Promise<void> {
  const unresolved = versions.filter((each) => 'reason' in each);
  const wanted = versions.flatMap((each) => ('reason' in each ? [] : { reference: each.reference, target: each }));
  await pins.want(wanted, unresolved);
}

function selfOf(config: Config, { publicKey }: Identity, url: string) {
  const { name, region, labels } = config;
  return { name, url, publicKey, labels, ...(region === undefined ? {} : { region }) };
}

function logMembership(log: Logger, gateway: string, change: MembershipChange): void {
  if (change.state === 'joined') log.info({ gateway, id: change.id }, 'joined');
  else log.warn({ gateway, reason: change.reason }, 'waiting for the gateway');
}
