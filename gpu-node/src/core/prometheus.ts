/** The node's figures in Prometheus' text format, version 0.0.4. Pure. */
import type { EngineReport } from '@lepton-edge/protocol';
import { allExecutions, BUCKETS_S, type VersionCounters } from './statistics.ts';

export interface NodeFigures {
  versions: readonly VersionCounters[];
  inFlight: number;
  queued: number;
  modelsLoaded: number;
  /** Bytes of the files of what is loaded, and how many may be. */
  modelBytes: number;
  maxModelBytes: number;
  residentBytes: number;
  /** Of the thread that serves HTTP, since the last look. */
  eventLoopDelay: readonly { quantile: number; seconds: number }[];
  /** Of files kept on disk; undefined where none are copied. */
  diskBytes: number | undefined;
  softwareVersion: string;
  engines: readonly EngineReport[];
  /** Nodes of a loaded model's graph that run on the CPU though its engine has a GPU. */
  cpuNodes: readonly { model: string; version: number; nodes: number }[];
}

type Labels = Record<string, string>;
type Sample = [labels: Labels, value: number, suffix?: string];

export function toPrometheus(figures: NodeFigures): string {
  const { versions } = figures;
  const each = (value: (counters: VersionCounters) => number): Sample[] =>
    versions.map((counters) => [labelsOf(counters), value(counters)]);
  const seconds = (what: 'queue' | 'load') => each((counters) => counters[what].ms / 1000);
  const now = (value: number): Sample[] => [[{}, value]];
  const families = [
    family('inferences_total', 'counter', 'Inferences by how they ended.', versions.flatMap(outcomesOf)),
    family(
      'items_total',
      'counter',
      'Items of answered inferences.',
      each(({ inferences }) => inferences),
    ),
    family('inference_seconds', 'histogram', 'Duration of answered inferences.', versions.flatMap(histogramOf)),
    family('queue_seconds_total', 'counter', "Waiting for the model's thread.", seconds('queue')),
    family(
      'executions_total',
      'counter',
      'Runs of the model; requests may share one.',
      each((counters) => allExecutions(counters).count),
    ),
    family(
      'run_seconds_total',
      'counter',
      'Running the model.',
      each((counters) => allExecutions(counters).ms / 1000),
    ),
    family('load_seconds_total', 'counter', 'Waiting for the model to be loaded.', seconds('load')),
    family('requests_running', 'gauge', 'Inferences being run.', now(figures.inFlight)),
    family('requests_queued', 'gauge', 'Inferences arriving or waiting.', now(figures.queued)),
    family('models_loaded', 'gauge', 'Versions that are loaded.', now(figures.modelsLoaded)),
    family('model_bytes', 'gauge', 'Files of what is loaded.', now(figures.modelBytes)),
    family('model_bytes_limit', 'gauge', 'Files of what may be loaded.', now(figures.maxModelBytes)),
    family('resident_memory_bytes', 'gauge', "The process's memory.", now(figures.residentBytes)),
    family(
      'event_loop_delay_seconds',
      'gauge',
      'How late the thread of HTTP was since the last scrape.',
      figures.eventLoopDelay.map(({ quantile, seconds }): Sample => [{ quantile: String(quantile) }, seconds]),
    ),
    family('info', 'gauge', 'The release.', [[{ version: figures.softwareVersion }, 1]]),
  ];
  const engines = figures.engines.map((report): Sample => [engineLabels(report), 1]);
  families.push(family('engine_info', 'gauge', 'The engines, and what they compute on.', engines));
  if (figures.cpuNodes.length > 0) {
    const nodes = figures.cpuNodes.map((of): Sample => [{ model: of.model, version: String(of.version) }, of.nodes]);
    families.push(family('model_cpu_nodes', 'gauge', 'Nodes of a model on a GPU that run on the CPU.', nodes));
  }
  if (figures.diskBytes !== undefined) {
    families.push(family('disk_bytes', 'gauge', 'Files kept on disk.', now(figures.diskBytes)));
  }
  return families.join('');
}

function outcomesOf(counters: VersionCounters): Sample[] {
  const outcome = (name: string, value: number): Sample => [{ ...labelsOf(counters), outcome: name }, value];
  return [
    outcome('success', counters.success.count),
    outcome('fail', counters.fail.count),
    outcome('refused', counters.refused),
  ];
}

function histogramOf(counters: VersionCounters): Sample[] {
  const labels = labelsOf(counters);
  let total = 0;
  const buckets = counters.buckets.map((count, i): Sample => {
    total += count;
    return [{ ...labels, le: i < BUCKETS_S.length ? String(BUCKETS_S[i]) : '+Inf' }, total, '_bucket'];
  });
  return [...buckets, [labels, counters.success.ms / 1000, '_sum'], [labels, counters.success.count, '_count']];
}

function labelsOf({ model, version }: VersionCounters): Labels {
  return { model, version: String(version) };
}

function engineLabels({ name, device, adapter }: EngineReport): Labels {
  return { engine: name, device, ...(adapter && { software: String(adapter.software) }) };
}

function family(name: string, type: string, help: string, samples: readonly Sample[]): string {
  const full = `lepton_node_${name}`;
  const lines = samples.map(([labels, value, suffix = '']) => `${full}${suffix}${textOf(labels)} ${value}\n`);
  return `# HELP ${full} ${help}\n# TYPE ${full} ${type}\n${lines.join('')}`;
}

function textOf(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

function escaped(value: string): string {
  return value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
}
