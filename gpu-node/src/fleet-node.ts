/** A node in a fleet: put together from its parts, and taken apart again in order. */
import { chmod, mkdir } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import { TENANT_HEADER, type WantedVersion } from '@lepton-edge/protocol';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { InferenceCore } from './core/infer.ts';
import { credentialStore } from './fleet/credential.ts';
import { GatewayClient } from './fleet/gateway-client.ts';
import { GatewayClock } from './fleet/gateway-clock.ts';
import { GatewaySource } from './fleet/gateway-source.ts';
import { type Identity, loadIdentity } from './fleet/identity.ts';
import { newInstance } from './fleet/instance.ts';
import { joinTokenOf } from './fleet/join-token.ts';
import { logMembership } from './fleet/log-membership.ts';
import { Membership } from './fleet/membership.ts';
import { RecentLatency } from './fleet/recent-latency.ts';
import { BlobCache } from './models/blob-cache.ts';
import { FleetCatalogue } from './models/catalogue.ts';
import { Models } from './models/lifecycle.ts';
import { Pins } from './models/pins.ts';
import { Repository } from './models/repository.ts';
import { logModel, logPin, MIB, modelLimits, type RunningNode, startEngines, startMetrics } from './node-parts.ts';
import { createHttpServer } from './server/http-server.ts';
import { requestLog } from './server/request-log.ts';
import { type Ended, endServing, listen } from './server/serve.ts';
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
  const trialLimits = {
    timeMs: config.trialSeconds * 1000,
    memoryBytes: config.trialMemoryMib * MIB,
    modelBytes: config.modelMemoryMib * MIB,
  };
  const trials = new Trials(repository, config.name, trialLimits, engines.apart);
  const clock = new GatewayClock();
  const verifyCall = createCallVerifier(() => {
    const { credential } = membership;
    return credential && { issuer: credential.issuer, nodeId: credential.id };
  }, clock);
  const state = { draining: false };
  const server = createHttpServer({
    core,
    models,
    tokenizers,
    catalogue: new FleetCatalogue(models),
    pins,
    fleet: { trials, prove: identity.prove },
    extensions: ['binary_tensor_data', 'statistics', 'model_configuration', 'schedule_policy'],
    verify: async ({ authorization, [TENANT_HEADER]: tenant }) => {
      await verifyCall(authorization);
      return String(tenant ?? '');
    },
    notReady: () => {
      if (state.draining) return 'this node is going away';
      return membership.joined ? undefined : 'this node has not joined its gateway yet';
    },
    draining: () => state.draining,
    logRequest: requestLog(log, config.accessLog),
  });
  const metrics = await startMetrics(config, { core, models, engines, diskBytes: () => blobs.space.bytes }, log);
  const url = config.url ?? `http://${await listen(server, config)}`;
  const instance = newInstance();
  const latency = new RecentLatency(core.statistics);
  const membership = new Membership({
    gateway,
    store: credentialStore(config.home),
    clock,
    token: joinTokenOf(config),
    self: { ...selfOf(config, identity, url), instance },
    report: async () => ({
      url,
      instance,
      softwareVersion: SOFTWARE_VERSION,
      engines: engines.reports,
      loaded: latency.of(models.loaded().slice(0, 1000)),
      ...core.load(),
      rssBytes: process.memoryUsage.rss(),
      ...placeOf(config),
      ...(clock.skewMs === undefined ? {} : { clockSkewMs: clock.skewMs }),
      ...(config.pin.length > 0 && {
        pins: {
          request: await identity.askFor(config.pin, membership.credential?.issuer ?? '', clock.now()),
          states: pins.report().slice(0, 1000),
        },
      }),
    }),
    // Without an answer they stand for what they stood for.
    onAnswer: ({ wanted }) => void (wanted && wantAll(pins, wanted)),
    onChange: (change) => logMembership(log, config.gateway, change),
  });
  log.info({ url, metrics: metrics?.url, engines: engines.reports, version: SOFTWARE_VERSION }, 'listening');

  let stopped: Promise<Ended> | undefined;
  return {
    url,
    metricsUrl: metrics?.url,
    ended: membership.run(),
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };

  async function stop(): Promise<Ended> {
    state.draining = true;
    pins.close();
    const drainMs = config.drainSeconds * 1000;
    const startedAt = performance.now();
    const handoverMs = await membership.drain();
    // What the gateway decided before it knew still comes, and is answered.
    await sleep(Math.min(handoverMs, drainMs));
    return await endServing({
      ...{ server, metrics: metrics?.server, core, models, log },
      drainMs: Math.max(0, drainMs - (performance.now() - startedAt)),
      farewell: () => membership.leave(),
    });
  }
}

/** What the gateway says that the pins stand for. */
async function wantAll(pins: Pins, versions: readonly WantedVersion[]): Promise<void> {
  const unresolved = versions.filter((each) => 'reason' in each);
  const wanted = versions.flatMap((each) => ('reason' in each ? [] : { reference: each.reference, target: each }));
  await pins.want(wanted, unresolved);
}

function selfOf(config: Config, { publicKey }: Identity, url: string) {
  return { name: config.name, url, publicKey, ...placeOf(config) };
}

function placeOf({ region, labels }: Config) {
  return { labels, ...(region === undefined ? {} : { region }) };
}
