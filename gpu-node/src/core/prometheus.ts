/** The node's figures as Prometheus reads them. Pure. */
import type { EngineReport } from '@lepton-edge/protocol';
import { family, histogram, type Labels, type Sample } from './exposition.ts';
import { allExecutions, BUCKETS_S, type VersionCounters } from './statistics.ts';

/** Upper bounds of the buckets of a run's items. */
const SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256] as const;

export interface NodeFigures {
  /** Each has some hundred lines. */
  versions: readonly VersionCounters[];
  inFlight: number;
  queued: number;
  modelsLoaded: number;
  /** Bytes of the files of what is loaded, and how many may be. */
  modelBytes: number;
  maxModelBytes: number;
  /** Of this process alone: not of those of adapters and trials. */
  process: { residentBytes: number; cpuSeconds: number; startSeconds: number };
  /** Of the thread that serves HTTP, since the last look. */
  eventLoopDelay: readonly { quantile: number; seconds: number }[];
  /** Of files kept on disk; undefined where none are copied. */
  diskBytes: number | undefined;
  softwareVersion: string;
  engines: readonly EngineReport[];
  /** Nodes of a loaded model's graph that run on the CPU though its engine has a GPU. */
  cpuNodes: readonly { model: string; version: number; nodes: number }[];
}

export function toPrometheus(figures: NodeFigures): string {
  return [...ofVersions(figures.versions), ...ofNode(figures), ...ofProcess(figures.process)].join('');
}

function ofVersions(versions: readonly VersionCounters[]): string[] {
  const each = (value: (counters: VersionCounters) => number): Sample[] =>
    versions.map((counters) => [labelsOf(counters), value(counters)]);
  const counter = (name: string, help: string, value: (counters: VersionCounters) => number) =>
    family(`lepton_node_${name}`, 'counter', help, each(value));
  const distribution = (name: string, help: string, samplesOf: (counters: VersionCounters) => Sample[]) =>
    family(`lepton_node_${name}`, 'histogram', help, versions.flatMap(samplesOf));
  return [
    family('lepton_node_inferences_total', 'counter', 'Inferences by how they ended.', versions.flatMap(outcomesOf)),
    family(
      'lepton_node_errors_total',
      'counter',
      'Inferences that were refused or failed, by the code of the error.',
      versions.flatMap(errorsOf),
    ),
    counter('items_total', 'Items of answered inferences.', ({ inferences }) => inferences),
    distribution(
      'request_duration_seconds',
      'Duration of inferences that had a place, by how they ended.',
      ({ success, buckets, fail, failBuckets, ...of }) => [
        ...histogram({ ...labelsOf(of), outcome: 'success' }, BUCKETS_S, buckets, success.ms / 1000),
        ...histogram({ ...labelsOf(of), outcome: 'fail' }, BUCKETS_S, failBuckets, fail.ms / 1000),
      ],
    ),
    distribution('queue_duration_seconds', "Waiting for the model's thread, of answered inferences.", (of) =>
      histogram(labelsOf(of), BUCKETS_S, of.queueBuckets, of.queue.ms / 1000),
    ),
    distribution('run_duration_seconds', 'Runs of the model; requests may share one.', (of) =>
      histogram(labelsOf(of), BUCKETS_S, of.runBuckets, allExecutions(of).ms / 1000),
    ),
    distribution('batch_size', 'Items of a run.', sizesOf),
    counter('load_seconds_total', 'Waiting for the model to be loaded.', ({ load }) => load.ms / 1000),
  ];
}

function ofNode(figures: NodeFigures): string[] {
  const gauge = (name: string, help: string, value: number, labels: Labels = {}) =>
    family(`lepton_node_${name}`, 'gauge', help, [[labels, value]]);
  const families = [
    gauge('requests_running', 'Inferences being run.', figures.inFlight),
    gauge('requests_queued', 'Inferences arriving or waiting.', figures.queued),
    gauge('models_loaded', 'Versions that are loaded.', figures.modelsLoaded),
    gauge('model_bytes', 'Files of what is loaded.', figures.modelBytes),
    gauge('model_bytes_limit', 'Files of what may be loaded.', figures.maxModelBytes),
    gauge('info', 'The release.', 1, { version: figures.softwareVersion }),
    family(
      'lepton_node_engine_info',
      'gauge',
      'The engines, and what they compute on.',
      figures.engines.map((report): Sample => [engineLabels(report), 1]),
    ),
    family(
      'lepton_node_event_loop_delay_seconds',
      'gauge',
      'How late the thread of HTTP was since the last scrape.',
      figures.eventLoopDelay.map(({ quantile, seconds }): Sample => [{ quantile: String(quantile) }, seconds]),
    ),
  ];
  if (figures.cpuNodes.length > 0) {
    const nodes = figures.cpuNodes.map((of): Sample => [labelsOf(of), of.nodes]);
    const help = 'Nodes of a model on a GPU that run on the CPU.';
    families.push(family('lepton_node_model_cpu_nodes', 'gauge', help, nodes));
  }
  if (figures.diskBytes !== undefined) families.push(gauge('disk_bytes', 'Files kept on disk.', figures.diskBytes));
  return families;
}

/** As every client library of Prometheus names them. */
function ofProcess({ residentBytes, cpuSeconds, startSeconds }: NodeFigures['process']): string[] {
  return [
    family('process_resident_memory_bytes', 'gauge', 'Resident memory.', [[{}, residentBytes]]),
    family('process_cpu_seconds_total', 'counter', 'CPU time, of user and system.', [[{}, cpuSeconds]]),
    family('process_start_time_seconds', 'gauge', 'Start, in seconds since 1970.', [[{}, startSeconds]]),
  ];
}

function outcomesOf(counters: VersionCounters): Sample[] {
  const outcome = (name: string, value: number): Sample => [{ ...labelsOf(counters), outcome: name }, value];
  return [
    outcome('success', counters.success.count),
    outcome('fail', counters.fail.count),
    outcome('refused', counters.refused),
  ];
}

function errorsOf(counters: VersionCounters): Sample[] {
  return [...counters.errors].map(([code, count]) => [{ ...labelsOf(counters), code }, count]);
}

function sizesOf(counters: VersionCounters): Sample[] {
  const counts = [...SIZES, 0].map(() => 0);
  let sum = 0;
  for (const [size, { run }] of counters.executions) {
    const bucket = SIZES.findIndex((bound) => size <= bound);
    const at = bucket < 0 ? SIZES.length : bucket;
    counts[at] = (counts[at] ?? 0) + run.count;
    sum += size * run.count;
  }
  return histogram(labelsOf(counters), SIZES, counts, sum);
}

function labelsOf({ model, version }: { model: string; version: number }): Labels {
  return { model, version: String(version) };
}

function engineLabels({ name, device, adapter }: EngineReport): Labels {
  return { engine: name, device, ...(adapter && { software: String(adapter.software) }) };
}
