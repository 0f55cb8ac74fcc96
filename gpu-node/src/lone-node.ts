/** A node without a gateway: serves a directory of models to whoever has a key, or to this machine alone. */
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import { InferenceCore } from './core/infer.ts';
import { DirectoryCatalogue } from './models/directory-catalogue.ts';
import { DirectoryIndex } from './models/directory-index.ts';
import { DirectoryRepository } from './models/directory-repository.ts';
import { type ModelChange, Models } from './models/lifecycle.ts';
import { standFor } from './models/pinned-names.ts';
import { Pins } from './models/pins.ts';
import { type Preloaded, preload } from './models/preload.ts';
import { logModel, logPin, MIB, modelLimits, type RunningNode, startEngines, startMetrics } from './node-parts.ts';
import { createHttpServer } from './server/http-server.ts';
import { requestLog } from './server/request-log.ts';
import { type Ended, endServing, listen } from './server/serve.ts';
import { createKeyVerifier, readKeys } from './server/verify-key.ts';
import { verifyLocal } from './server/verify-local.ts';
import { SOFTWARE_VERSION } from './software-version.ts';
import { Tokenizers } from './texts/tokenizers.ts';

type LoneConfig = Config & { modelRepository: string };

/** Listens, and loads what is to be there from the start. @throws Error when the directory, the keys or the port fail */
export async function startLoneNode(config: LoneConfig, log: Logger): Promise<RunningNode> {
  const keys = config.keyFile === undefined ? undefined : await readKeys(config.keyFile);
  const directory = new DirectoryIndex(config.modelRepository);
  await directory.scan();
  for (const fault of directory.found.faults) log.warn(fault, 'cannot be served');
  const engines = await startEngines(config, log);
  const repository = new DirectoryRepository(directory.find);
  const tokenizers = new Tokenizers((digest) => models.stateOf(digest) !== undefined);
  const models = new Models({
    repository,
    engines,
    ...modelLimits(config),
    onChange: (change: ModelChange) => {
      logModel(log, change);
      catalogue.note(change);
      pins.note(change);
      tokenizers.follow(change);
    },
  });
  const catalogue = new DirectoryCatalogue({
    directory,
    repository,
    models,
    onSwap: ({ gap, ...swap }) => {
      if (gap)
        log.warn(swap, 'version swapped with a gap: both do not fit, so the old one went first and callers waited');
      else log.info(swap, 'version swapped');
    },
    onMove: () => pinNamed(),
  });
  const pins = new Pins({ references: config.pin, models, onChange: (report) => logPin(log, report) });
  let turn = 0;
  const pinNamed = async () => {
    const own = ++turn;
    const stood = await standFor(config.pin, catalogue);
    // What was found out later is right.
    if (own === turn) await pins.want(...stood);
  };
  const core = new InferenceCore(models, { requests: config.maxQueue, bytes: config.maxQueueMib * MIB });
  const state = { draining: false, loading: true };
  const server = createHttpServer({
    core,
    models,
    tokenizers,
    catalogue,
    pins,
    verify: keys ? createKeyVerifier(keys) : verifyLocal,
    extensions: ['binary_tensor_data', 'statistics', 'model_configuration', 'model_repository', 'schedule_policy'],
    notReady: () => {
      if (state.draining) return 'this node is going away';
      return state.loading ? 'the models of the start are still being loaded' : undefined;
    },
    draining: () => state.draining,
    logRequest: requestLog(log, config.accessLog),
  });
  const loads = preload(config.load, { directory, catalogue, models });
  const metrics = await startMetrics(config, { core, models, engines }, log);
  const url = `http://${await listen(server, config)}`;
  const { promise: ended, resolve: end } = Promise.withResolvers<void>();
  log.info(
    { url, metrics: metrics?.url, keys: keys?.length ?? 'none', engines: engines.reports, version: SOFTWARE_VERSION },
    'listening',
  );
  // What is to stay has its room first.
  void pinNamed()
    .then(() => loads(() => state.draining))
    .then((preloaded) => {
      state.loading = false;
      tell(log, preloaded);
    });

  let stopped: Promise<Ended> | undefined;
  return {
    url,
    metricsUrl: metrics?.url,
    ended,
    stop: () => {
      stopped ??= stop();
      return stopped;
    },
  };

  async function stop(): Promise<Ended> {
    state.draining = true;
    pins.close();
    try {
      return await endServing({
        ...{ server, metrics: metrics?.server, core, models, log },
        drainMs: config.drainSeconds * 1000,
      });
    } finally {
      end();
    }
  }
}

function tell(log: Logger, { loaded, failed, left }: Preloaded): void {
  if (left.length > 0) log.warn({ models: left }, 'no room to load these at the start: the first inference loads them');
  log.info({ loaded, failed }, 'ready');
}
