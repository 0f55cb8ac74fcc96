/** What nodes of both kinds are made of. */
import type { Server } from 'node:http';
import type { PinReport } from '@lepton-edge/protocol';
import type { Logger } from 'pino';
import type { Config } from './config.ts';
import type { InferenceCore } from './core/infer.ts';
import { toPrometheus } from './core/prometheus.ts';
import { ortCpuWith } from './engines/ort-cpu/engine.ts';
import { ortCuda } from './engines/ort-cuda/engine.ts';
import { MAX_LEAKED_BYTES, ortWebgpu } from './engines/ort-webgpu/engine.ts';
import { Engines } from './engines/registry.ts';
import type { ModelChange, Models, ModelsOptions } from './models/lifecycle.ts';
import { EventLoopDelay } from './server/event-loop-delay.ts';
import { createMetricsServer } from './server/metrics-server.ts';
import { type Ended, listen } from './server/serve.ts';
import { SOFTWARE_VERSION } from './software-version.ts';

export const MIB = 1024 * 1024;
/** Whoever reads metrics pays for every line. */
const MAX_VERSIONS_TOLD = 200;

export interface RunningNode {
  /** Where the node is reached. */
  url: string;
  /** Where its metrics are; undefined when they are off. */
  metricsUrl: string | undefined;
  /** Rejects when the node cannot go on; resolves after `stop`. */
  ended: Promise<void>;
  /** Has the gateway send nothing more, stops accepting, and lets requests under way finish. Idempotent. */
  stop(): Promise<Ended>;
}

/** What leaks on a GPU before its process is replaced is kept free of what models may take. */
function gpuBudget({ gpuMemoryMib }: Pick<Config, 'gpuMemoryMib'>): { leak: number; models: number | undefined } {
  if (gpuMemoryMib === undefined) return { leak: MAX_LEAKED_BYTES, models: undefined };
  const bytes = gpuMemoryMib * MIB;
  const leak = Math.min(MAX_LEAKED_BYTES, Math.floor(bytes / 4));
  return { leak, models: bytes - leak };
}

export function modelLimits(config: Config): Pick<ModelsOptions, 'maxBytes' | 'maxModels' | 'maxGpuBytes'> {
  const { modelMemoryMib, maxModels } = config;
  return { maxBytes: modelMemoryMib * MIB, maxModels, maxGpuBytes: gpuBudget(config).models };
}

export async function startEngines(config: Config, log: Logger): Promise<Engines> {
  const { cuda, webgpu, webgpuStrict, threads, instances } = config;
  const maxLeakedBytes = gpuBudget(config).leak;
  const registrations = [ortCpuWith({ threads, instances })];
  if (webgpu !== 'off') registrations.push(ortWebgpu({ mode: webgpu, strict: webgpuStrict }, { maxLeakedBytes }));
  if (cuda) registrations.push(ortCuda);
  const engines = await Engines.start(registrations);
  const demanded: Record<string, boolean> = { 'ort-cuda': cuda, 'ort-webgpu': webgpu === 'on' };
  const absence = engines.absent.find(({ name }) => demanded[name]);
  if (absence) throw new Error(`${absence.name.replace('ort-', '--')} on: ${absence.reason}`);
  for (const { name, reason } of engines.absent) log.info({ engine: name, reason }, 'an engine cannot run here');
  return engines;
}

export interface Measured {
  core: InferenceCore;
  models: Models;
  engines: Engines;
  diskBytes?: () => number;
}

/** @throws Error when the address was asked for and cannot be had; one that nobody asked for is done without */
export async function startMetrics(
  { metricsAddress, modelMemoryMib }: Pick<Config, 'metricsAddress' | 'modelMemoryMib'>,
  { core, models, engines, diskBytes }: Measured,
  log: Logger,
): Promise<{ server: Server; url: string } | undefined> {
  if (metricsAddress === 'off') return undefined;
  const delay = new EventLoopDelay();
  const server = createMetricsServer(() =>
    toPrometheus({
      versions: core.statistics.lately(isAmong(models.loaded()), MAX_VERSIONS_TOLD),
      ...core.load(),
      modelsLoaded: models.loaded().length,
      modelBytes: models.bytes,
      maxModelBytes: modelMemoryMib * MIB,
      process: processFigures(),
      eventLoopDelay: delay.read(),
      diskBytes: diskBytes?.(),
      softwareVersion: SOFTWARE_VERSION,
      engines: engines.reports,
      cpuNodes: models.cpuNodes(),
    }),
  );
  server.once('close', () => delay.stop());
  try {
    return { server, url: `http://${await listen(server, metricsAddress)}/metrics` };
  } catch (error) {
    delay.stop();
    if (metricsAddress.asked) throw error;
    log.warn({ reason: String(error) }, 'no metrics: their usual address is taken, choose one by --metrics-address');
    return undefined;
  }
}

function processFigures() {
  const { user, system } = process.cpuUsage();
  return {
    residentBytes: process.memoryUsage.rss(),
    cpuSeconds: (user + system) / 1e6,
    startSeconds: performance.timeOrigin / 1000,
  };
}

function isAmong(loaded: readonly { model: string; version: number }[]) {
  const keys = new Set(loaded.map(({ model, version }) => `${model}@${version}`));
  return (model: string, version: number) => keys.has(`${model}@${version}`);
}

export function logPin(log: Logger, { state, ...pin }: PinReport): void {
  log[state === 'ready' ? 'info' : 'warn'](pin, `pinned model ${state}`);
}

export function logModel(log: Logger, { state, label, ...change }: ModelChange): void {
  const level = state === 'failed' || state === 'lost' ? 'warn' : 'info';
  log[level]({ model: label, ...change }, `model ${state}`);
}
