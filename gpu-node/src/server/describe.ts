/** The Open Inference Protocol's questions about the server and its models, with Triton's: configuration and statistics. */
import {
  type ModelConfig,
  type ModelMetadata,
  type ModelStatistics,
  modelConfig,
  type Reference,
  type ServerMetadata,
  type VersionStatistics,
} from '@lepton-edge/protocol';
import { allExecutions, newCounters, type Statistics, type Total, type VersionCounters } from '../core/statistics.ts';
import type { Catalogue, NamedVersion } from '../models/catalogue.ts';
import { SOFTWARE_VERSION } from '../software-version.ts';
import { json, type Reply } from './reply.ts';

const NONE = { count: 0, ns: 0 };

export function serverMetadata(extensions: string[]): Reply {
  const metadata: ServerMetadata = { name: 'lepton-gpu-node', version: SOFTWARE_VERSION, extensions };
  return json(200, metadata);
}

/** @throws LeptonError where there is no such version, or it cannot be loaded */
export async function modelMetadata(catalogue: Catalogue, reference: Reference): Promise<Reply> {
  const named = catalogue.resolve(reference);
  const { inputs, outputs } = await catalogue.manifestOf(named);
  const versions = reference.version === undefined ? catalogue.versions(named.model) : [named];
  const metadata: ModelMetadata = {
    name: named.model,
    versions: versions.map(({ version }) => String(version)),
    platform: 'onnxruntime_onnx',
    inputs,
    outputs,
  };
  return json(200, metadata);
}

/** @throws LeptonError where there is no such version, or it is not loaded now */
export function modelReady(catalogue: Catalogue, reference: Reference): Reply {
  const named = catalogue.resolve(reference);
  catalogue.checkReady(named);
  return json(200, { name: named.model, version: String(named.version), ready: true });
}

/** @throws LeptonError as metadata */
export async function configuration(catalogue: Catalogue, reference: Reference): Promise<Reply> {
  const named = catalogue.resolve(reference);
  const config: ModelConfig = modelConfig(named.model, await catalogue.manifestOf(named));
  return json(200, config);
}

/** Of all versions of a model where the reference names none. @throws LeptonError where there is no such version */
export function modelStatistics(catalogue: Catalogue, statistics: Statistics, reference: Reference): Reply {
  const named = catalogue.resolve(reference);
  return statisticsOf(statistics, reference.version === undefined ? catalogue.versions(named.model) : [named]);
}

export function allStatistics(catalogue: Catalogue, statistics: Statistics): Reply {
  return statisticsOf(statistics, catalogue.versions());
}

function statisticsOf(statistics: Statistics, versions: readonly NamedVersion[]): Reply {
  const all = versions.map(({ model, version }) =>
    toStatistics(statistics.find(model, version) ?? newCounters(model, version)),
  );
  return json(200, { model_stats: all } satisfies ModelStatistics);
}

function toStatistics(counters: VersionCounters): VersionStatistics {
  return {
    name: counters.model,
    version: String(counters.version),
    last_inference: counters.lastInferenceMs,
    inference_count: counters.inferences,
    execution_count: allExecutions(counters).count,
    inference_stats: {
      success: inNanoseconds(counters.success),
      fail: inNanoseconds(counters.fail),
      queue: inNanoseconds(counters.queue),
      compute_input: inNanoseconds(counters.input),
      compute_infer: inNanoseconds(counters.run),
      compute_output: inNanoseconds(counters.output),
      cache_hit: NONE,
      cache_miss: NONE,
    },
    batch_stats: [...counters.executions]
      .sort(([a], [b]) => a - b)
      .map(([size, { input, run, output }]) => ({
        batch_size: size,
        compute_input: inNanoseconds(input),
        compute_infer: inNanoseconds(run),
        compute_output: inNanoseconds(output),
      })),
  };
}

function inNanoseconds({ count, ms }: Total) {
  return { count, ns: Math.round(ms * 1e6) };
}
